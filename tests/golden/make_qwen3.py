"""Makes the golden fixtures of the model: tiny Hugging Face Qwen3 models, what they compute, and
the gradient of every parameter.

Run by hand with torch, transformers and safetensors installed; the results are committed:
    python tests/golden/make_qwen3.py

A fixture holds the weights (BF16, Hugging Face names), and
    golden.tokens    (T,) int32, the sequences one after another
    golden.starts    (sequences + 1,) int32
    golden.logits    (T, V) of the fp32 model
    golden.d_logits  (T, V) what the loss sum(logits * d_logits) sends back
    golden.gradient.<name>  fp32, of each parameter
and config.json's text in its metadata under "config".
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

LENGTHS = [1, 7, 19, 12]


def make(name, seed, tied, query_heads, key_heads, head_size, hidden_size, mlp_size):
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=29,
        hidden_size=hidden_size,
        num_hidden_layers=2,
        num_attention_heads=query_heads,
        num_key_value_heads=key_heads,
        head_dim=head_size,
        intermediate_size=mlp_size,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    model = Qwen3ForCausalLM(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.copy_(1 + 0.3 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[1] ** -0.5)
            parameter.copy_(parameter.bfloat16().float())

    sequences = [torch.randint(0, config.vocab_size, (length,)) for length in LENGTHS]
    logits = torch.cat([model(tokens[None]).logits[0] for tokens in sequences])
    d_logits = torch.randn_like(logits)
    (logits * d_logits).sum().backward()

    arrays = {
        "golden.tokens": torch.cat(sequences).int(),
        "golden.starts": torch.tensor([0] + LENGTHS).cumsum(0).int(),
        "golden.logits": logits.detach().contiguous(),
        "golden.d_logits": d_logits,
    }
    for key, parameter in model.named_parameters():
        arrays[key] = parameter.detach().bfloat16()
        arrays["golden.gradient." + key] = parameter.grad.contiguous()
    text = json.dumps(json.loads(config.to_json_string(use_diff=False)))
    path = pathlib.Path(__file__).parent / f"qwen3_{name}.safetensors"
    save_file(arrays, path, metadata={"config": text})
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    # Odd sizes on purpose: widths that are no multiple of a vector, and heads wider than D/H.
    make("group2_tied", 1, True, 4, 2, 16, 32, 48)
    make("group2_untied", 2, False, 4, 2, 6, 20, 27)
    make("group4_tied", 3, True, 4, 1, 10, 24, 37)
    make("group4_untied", 4, False, 8, 2, 8, 36, 40)
