"""Reads what this project's encoder writes with torch and safetensors, and decodes it.

Run by hand: python tests/golden/check_interchange.py   (torch, safetensors; any recent version)
encoded_{raw,gap,anchor}.safetensors are bytes of the C++ encoder; the C++ golden test holds the
encoder to them, this holds them to another reader.
"""

import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import load_file

FOLDER = pathlib.Path(__file__).parent


def positions_of(idx, encoding):
    if encoding == "raw":
        return idx.to(torch.int64)
    return (idx.to(torch.int64) + 1).cumsum(0) - 1


def patched(base, path):
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "sparse_weight_patch" and metadata["version"] == "1"
    assert metadata["sparse"] == "True" and metadata["model_version"] == "42"
    tensors = load_file(path)
    words = {name: array.view(torch.int16).clone().view(-1) for name, array in base.items()}
    names = sorted(name[:-4] for name in tensors if name.endswith(".idx"))
    assert len(names) == int(metadata["num_changed_params"])
    changed = 0
    for name in names:
        positions = positions_of(tensors[name + ".idx"], metadata["encoding"])
        words[name][positions] = tensors[name + ".val"].view(torch.int16)
        changed += len(positions)
    assert changed == int(metadata["total_changed_elements"])
    return words


def main():
    base = load_file(FOLDER / "encoded_anchor.safetensors")
    following = load_file(FOLDER / "interchange_next.safetensors")
    for encoding in ("raw", "gap"):
        words = patched(base, FOLDER / f"encoded_{encoding}.safetensors")
        assert words.keys() == following.keys()
        for name, array in words.items():
            assert torch.equal(array, following[name].view(torch.int16).view(-1)), name
        print(f"encoded_{encoding}.safetensors: {len(words)} arrays equal, bit for bit")


if __name__ == "__main__":
    main()
