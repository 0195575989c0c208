"""A Qwen3 of four layers with wide enough rows that rounding shows, for the other scripts here. Its
weights are drawn as model/weights.cpp's initial_weights() draws them, bit for bit, so that fixtures
hold results alone."""

import json

import numpy
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

SEED = 5
SIZES = dict(
    vocab_size=512,
    hidden_size=256,
    num_hidden_layers=4,
    num_attention_heads=8,
    num_key_value_heads=4,
    head_dim=64,
    intermediate_size=768,
    rms_norm_eps=1e-6,
    rope_theta=1e6,
    tie_word_embeddings=True,
)
ALIGNMENT = 32  # elements: arrays start at multiples of 64 bytes


def random_bits(counters):
    """splitmix64: the numbers of the seed's stream at these counters."""
    z = numpy.uint64(SEED) + (counters + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return z ^ (z >> numpy.uint64(31))


def random_normal(first, count):
    """Twelve uniform 16-bit numbers each, summed and centred."""
    elements = numpy.arange(first, first + count, dtype=numpy.uint64)
    total = numpy.full(count, -6 * 65535, dtype=numpy.int64)
    for draw in range(3):
        bits = random_bits(elements * numpy.uint64(3) + numpy.uint64(draw))
        for part in range(4):
            total += (bits >> numpy.uint64(16 * part) & numpy.uint64(0xFFFF)).astype(numpy.int64)
    return total / 65536.0


def names():
    """In the order of the flat array."""
    arrays = ["model.embed_tokens.weight"]
    for layer in range(SIZES["num_hidden_layers"]):
        arrays += [
            f"model.layers.{layer}.{array}.weight"
            for array in (
                "input_layernorm",
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.o_proj",
                "self_attn.q_norm",
                "self_attn.k_norm",
                "post_attention_layernorm",
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj",
            )
        ]
    return arrays + ["model.norm.weight"]


def initial(name, shape, first):
    if len(shape) == 1:
        return numpy.ones(shape, dtype=numpy.float32)
    deviation = 1.0 / numpy.sqrt(float(shape[1]))
    if name.endswith(("o_proj.weight", "down_proj.weight")):
        deviation /= numpy.sqrt(2.0 * SIZES["num_hidden_layers"])
    values = random_normal(first, shape[0] * shape[1]) * deviation
    return values.astype(numpy.float32).reshape(shape)


def mid_model():
    """fp32, holding bf16 words."""
    config = Qwen3Config(**SIZES, attn_implementation="eager")
    model = Qwen3ForCausalLM(config).float().eval()
    # Releases of transformers differ in where they look for the angle.
    slower = SIZES["rope_theta"] ** (-2 / SIZES["head_dim"])
    assert abs(model.model.rotary_emb.inv_freq[1].item() - slower) < 1e-6
    parameters = dict(model.named_parameters())
    assert set(parameters) == set(names()), set(parameters) ^ set(names())
    first = 0
    with torch.no_grad():
        for name in names():
            shape = tuple(parameters[name].shape)
            words = torch.from_numpy(initial(name, shape, first)).bfloat16()
            parameters[name].copy_(words.float())
            first += -(-words.numel() // ALIGNMENT) * ALIGNMENT
    return model


def config_text():
    """config.json, as far as it says something."""
    return json.dumps({"model_type": "qwen3", **SIZES})


def logits_of(model, tokens, starts):
    """(T, V): each sequence alone."""
    ends = zip(starts[:-1].tolist(), starts[1:].tolist())
    return torch.cat([model(tokens[None, first:end]).logits[0] for first, end in ends])
