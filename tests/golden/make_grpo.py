"""Makes grpo.safetensors: trainer_bridge/grpo.h's loss and its gradients by PyTorch's autograd.

Run by hand with torch, transformers, numpy and safetensors installed; the result is committed:
    python tests/golden/make_grpo.py

Two cases, "rows" with logits of its own and "model" through tests/golden/mid_model.py. A case has
    <case>.logits              (R, V) fp32, of "rows" alone
    <case>.tokens, .starts, .rows     int32, of "model" alone: the batch
    <case>.targets             (R,) int32
    <case>.behaviour_logprobs  (R,) fp32
    <case>.advantages          (R,) fp32
    <case>.rule_of_row         (R,) int32
    <case>.temperatures        (rules,) fp32
    <case>.allowed.<rule>      (A,) int32, absent when all tokens are
    <case>.total_tokens        (1,) fp64
and for each correction C (truncated, clipped, off)
    <case>.C.metrics   (5,) fp64: loss, ratio, kl, entropy, share at the cap
    rows.C.d_logits    (R, V) fp32
    model.C.norms      (arrays,) fp32: of each parameter's gradient
    model.C.samples    (all,) fp32: of each parameter's gradient in the flat array's order, the
                       elements 0, s, 2 s, ... of n, at most 256, where s = max(1, n / 256)
    model.C.bf16_samples  the same of a bf16 model
"""

import copy
import pathlib

import numpy
import torch
import transformers
from safetensors.torch import save_file

from mid_model import SEED, config_text, logits_of, mid_model, names

CORRECTIONS = ["truncated", "clipped", "off"]
RATIO_MAX = 2.0
CLIP = 0.2
DUAL_CLIP = 3.0
MAX_LOG_RATIO = 20.0
SAMPLES = 256


def policy(logits, batch):
    """Log-probabilities (R, V) of softmax(logits / temperature) over each row's allowed tokens."""
    temperature = batch["temperatures"][batch["rule_of_row"].long()]
    closed = torch.zeros_like(logits, dtype=torch.bool)
    for row, rule in enumerate(batch["rule_of_row"].tolist()):
        allowed = batch.get(f"allowed.{rule}")
        if allowed is not None:
            closed[row] = True
            closed[row, allowed.long()] = False
    scaled = (logits / temperature[:, None]).masked_fill(closed, -torch.inf)
    return torch.log_softmax(scaled, dim=-1)


def token_losses(correction, ratio, logprob, advantage):
    """(R,) losses, and which tokens the correction held back."""
    if correction == "truncated":
        weight = ratio.clamp(max=RATIO_MAX).detach()
        return -weight * advantage * logprob, ratio > RATIO_MAX
    if correction == "clipped":
        clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
        surrogate = torch.minimum(ratio * advantage, clipped * advantage)
        floor = torch.where(advantage < 0, DUAL_CLIP * advantage, -torch.inf)
        held = (clipped * advantage < ratio * advantage) | (surrogate < floor)
        return -torch.maximum(surrogate, floor), held
    return -advantage * logprob, torch.zeros_like(ratio, dtype=torch.bool)


def grpo(correction, logits, batch):
    """The loss, to be sent back, and the five metrics."""
    logprobs = policy(logits, batch)
    logprob = logprobs.gather(1, batch["targets"].long()[:, None])[:, 0]
    log_ratio = logprob - batch["behaviour_logprobs"]
    log_ratio = log_ratio.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    ratio = log_ratio.exp()
    losses, held = token_losses(correction, ratio, logprob, batch["advantages"])
    entropies = torch.special.entr(logprobs.exp()).sum(-1)
    total = batch["total_tokens"].item()
    parts = [losses, ratio, ratio - 1 - log_ratio, entropies, held.double()]
    metrics = torch.stack([part.double().sum().detach() / total for part in parts])
    return losses.sum() / total, metrics


def off_the_edges(shifts):
    """Where a correction begins its gradient jumps: no ratio is so near that rounding decides."""
    for edge in (RATIO_MAX, 1 - CLIP, 1 + CLIP, DUAL_CLIP):
        is_near = ((-shifts).exp() / edge - 1).abs() < 1e-2
        shifts = torch.where(is_near, shifts + 0.03, shifts)
    return shifts


def fill_in(batch, logits, rules, shifts):
    """Targets drawn from the policy, and behaviours that were `shifts` more likely to take them."""
    rows = len(logits)
    batch["rule_of_row"] = torch.randint(0, len(rules), (rows,)).int()
    batch["temperatures"] = torch.tensor([temperature for _, temperature in rules])
    for rule, (allowed, _) in enumerate(rules):
        if allowed is not None:
            batch[f"allowed.{rule}"] = allowed.int()
    batch["advantages"] = torch.randn(rows)
    logprobs = policy(logits, batch)
    batch["targets"] = torch.multinomial(logprobs.exp(), 1)[:, 0].int()
    logprob = logprobs.gather(1, batch["targets"].long()[:, None])[:, 0]
    batch["behaviour_logprobs"] = logprob + off_the_edges(shifts)


def rows_case(arrays):
    torch.manual_seed(2)
    rows, vocabulary = 40, 48
    logits = 2 * torch.randn(rows, vocabulary)
    rules = [
        (torch.randperm(vocabulary)[:26].sort().values, 0.7),
        (None, 1.0),
        (torch.randperm(vocabulary)[:5], 1.3),
    ]
    batch = {"total_tokens": torch.tensor([57.0], dtype=torch.float64)}
    shifts = 0.6 * torch.randn(rows)
    shifts[:4] = torch.tensor([25.0, -25.0, 25.0, -25.0])  # beyond what a ratio is let to be
    fill_in(batch, logits, rules, shifts)
    batch["advantages"][:4] = torch.tensor([1.0, 1.0, -1.0, -1.0])
    for correction in CORRECTIONS:
        leaf = logits.clone().requires_grad_()
        loss, metrics = grpo(correction, leaf, batch)
        loss.backward()
        arrays[f"rows.{correction}.metrics"] = metrics
        arrays[f"rows.{correction}.d_logits"] = leaf.grad.contiguous()
    arrays["rows.logits"] = logits
    arrays.update({f"rows.{key}": array for key, array in batch.items()})


def gradients(model, correction, batch):
    """Metrics, the gradients' norms, and some of their elements."""
    model.zero_grad()
    logits = logits_of(model, batch["tokens"].long(), batch["starts"]).float()
    loss, metrics = grpo(correction, logits[batch["rows"].long()], batch)
    loss.backward()
    parameters = dict(model.named_parameters())
    flat = [parameters[name].grad.flatten().float() for name in names()]
    norms = torch.stack([gradient.norm() for gradient in flat])
    samples = [
        gradient[:: max(1, gradient.numel() // SAMPLES)][:SAMPLES] for gradient in flat
    ]
    return metrics, norms, torch.cat(samples)


def model_case(arrays, model):
    torch.manual_seed(3)
    lengths = [40, 33, 47]
    vocabulary = model.config.vocab_size
    batch = {
        "tokens": torch.randint(0, vocabulary, (sum(lengths),)).int(),
        "starts": torch.tensor([0] + lengths).cumsum(0).int(),
        "rows": torch.randperm(sum(lengths))[:60].sort().values.int(),
        "total_tokens": torch.tensor([60.0], dtype=torch.float64),
    }
    with torch.no_grad():
        logits = logits_of(model, batch["tokens"].long(), batch["starts"])[batch["rows"].long()]
    rules = [(torch.randperm(vocabulary)[:26].sort().values, 1.0), (None, 0.8)]
    fill_in(batch, logits, rules, 0.3 * torch.randn(60))
    bf16_model = copy.deepcopy(model).bfloat16()
    for correction in CORRECTIONS:
        metrics, norms, samples = gradients(model, correction, batch)
        arrays[f"model.{correction}.metrics"] = metrics
        arrays[f"model.{correction}.norms"] = norms
        arrays[f"model.{correction}.samples"] = samples
        bf16_samples = gradients(bf16_model, correction, batch)[2]
        arrays[f"model.{correction}.bf16_samples"] = bf16_samples
        error = ((bf16_samples - samples).norm() / samples.norm()).item()
        print(correction, "gradient of a bf16 model against fp32:", error)
    arrays.update({f"model.{key}": array for key, array in batch.items()})


def main():
    arrays = {}
    rows_case(arrays)
    model = mid_model()
    model_case(arrays, model)
    path = pathlib.Path(__file__).parent / "grpo.safetensors"
    metadata = {
        "config": config_text(),
        "seed": str(SEED),
        "ratio_max": str(RATIO_MAX),
        "ratio_clip": str(CLIP),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": numpy.__version__,
    }
    save_file({key: array.contiguous() for key, array in arrays.items()}, path, metadata=metadata)
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
