"""Makes two tiny checkpoints as Hugging Face tools save them: a Qwen3 model, cut into several files,
and the same model after one step of AdamW. They are what `dws diff`, `push` and `pull` are tried on.

Run by hand with torch and transformers installed; the results are committed:
    python tests/golden/make_checkpoint_pair.py
"""

import json
import pathlib

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

GOLDEN = pathlib.Path(__file__).parent


def save(model, name):
    folder = GOLDEN / name
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="16KB")
    # A file in a folder of its own, and one that no tool of ours knows.
    (folder / "original").mkdir(exist_ok=True)
    (folder / "original" / "params.json").write_text(json.dumps({"dim": 40}) + "\n")
    (folder / "README.md").write_text("A tiny Qwen3 with random weights.\n")


def main():
    torch.manual_seed(7)
    config = Qwen3Config(
        vocab_size=64,
        hidden_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=10,
        intermediate_size=80,
        tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(config).to(torch.bfloat16)
    save(model, "checkpoint_base")

    # fp32 masters, rounded again: most words of a small step come back as they were.
    model = model.float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-6)
    tokens = torch.randint(0, config.vocab_size, (4, 32))
    model(tokens, labels=tokens).loss.backward()
    optimizer.step()
    save(model, "checkpoint_next")


main()
