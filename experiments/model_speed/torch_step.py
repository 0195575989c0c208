#!/usr/bin/env python3
"""One training step of Qwen3 in PyTorch, in phases: the peer of `./run bench model`.

The model is transformers' Qwen3ForCausalLM with random weights, in bf16, eager, with its default
attention (sdpa). Neither autocast nor torch.compile. Phases are those of its own forward with
labels: the decoder; the head and the cross-entropy of fp32 logits; backward; clipping to norm 1
and AdamW.

--optimizer fp32: fp32 master weights and moments, as this project's trainer has them: gradients are
widened, torch.optim.AdamW (fused) steps the masters, and they are rounded into the model.
--optimizer bf16: torch.optim.AdamW (fused) straight on the bf16 weights, moments in bf16: less
memory, and updates below half an ulp are lost.

Prints tab-separated lines: `versions`, then one `step` per measured step, then `peak_mib`.
"""

import argparse
import resource
import time

import torch
import transformers
from torch.nn.functional import cross_entropy


def model_of(options):
    config = transformers.Qwen3Config(
        vocab_size=options.vocab,
        hidden_size=options.hidden,
        num_hidden_layers=options.layers,
        num_attention_heads=options.query_heads,
        num_key_value_heads=options.key_heads,
        head_dim=options.head_size,
        intermediate_size=options.mlp,
        tie_word_embeddings=True,
        max_position_embeddings=max(40_960, options.tokens),
    )
    torch.manual_seed(1)
    model = transformers.Qwen3ForCausalLM(config).to(torch.bfloat16)
    model.train()
    return model


class MasterAdamW:
    """AdamW on fp32 copies of bf16 parameters."""

    def __init__(self, parameters, **arguments):
        self.parameters = parameters
        self.masters = [parameter.detach().float() for parameter in parameters]
        self.adamw = torch.optim.AdamW(self.masters, fused=True, **arguments)

    def step(self):
        for master, parameter in zip(self.masters, self.parameters):
            master.grad = parameter.grad.float()
            parameter.grad = None
        self.adamw.step()
        for master, parameter in zip(self.masters, self.parameters):
            parameter.detach().copy_(master)
            master.grad = None


class PlainAdamW:
    """AdamW on the bf16 parameters themselves."""

    def __init__(self, parameters, **arguments):
        self.adamw = torch.optim.AdamW(parameters, fused=True, **arguments)

    def step(self):
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)


def timed_step(model, optimizer, tokens, targets):
    marks = [time.perf_counter()]
    hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state
    marks.append(time.perf_counter())
    logits = model.lm_head(hidden).float()
    loss = cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))
    marks.append(time.perf_counter())
    del logits, hidden
    loss.backward()
    marks.append(time.perf_counter())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    marks.append(time.perf_counter())
    return [end - start for start, end in zip(marks, marks[1:])] + [marks[-1] - marks[0]]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--optimizer", choices=("fp32", "bf16"), required=True)
    parser.add_argument("--threads", type=int, nargs="+", required=True, help="one step with each")
    parser.add_argument("--tokens", type=int, required=True)
    for size in ("vocab", "hidden", "layers", "query-heads", "key-heads", "head-size", "mlp"):
        parser.add_argument(f"--{size}", type=int, required=True)
    options = parser.parse_args()

    print("versions", f"PyTorch {torch.__version__}, transformers {transformers.__version__}",
          sep="\t", flush=True)
    torch.set_num_threads(max(options.threads))
    model = model_of(options)
    parameters = list(model.parameters())
    kind = MasterAdamW if options.optimizer == "fp32" else PlainAdamW
    optimizer = kind(parameters, lr=1e-6, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)
    tokens = torch.randint(options.vocab, (1, options.tokens))
    targets = torch.randint(options.vocab, (1, options.tokens))

    timed_step(model, optimizer, tokens, targets)  # memory and kernels are made here
    for threads in options.threads:
        torch.set_num_threads(threads)
        processor_s = time.process_time()
        times = timed_step(model, optimizer, tokens, targets)
        times.append(time.process_time() - processor_s)
        print("step", threads, *(f"{seconds:.6f}" for seconds in times), sep="\t", flush=True)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("peak_mib", f"{peak_kib / 1024:.1f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
