"""Writes golden anchors and deltas the way TRL's delta branch lays them out, by torch and safetensors.

Run by hand: python tests/golden/make_interchange.py   (torch, safetensors; any recent version)
interchange_anchor.safetensors holds the base as an anchor of version 41, interchange_{raw,gap} the
delta to version 42, and interchange_next what must come out, as plain arrays.
tests/sync/interchange_golden_test.cpp compares.
"""

import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent


def metadata(sparse, version, arrays, changed, total, encoding):
    return {
        "format": "sparse_weight_patch",
        "version": "1",
        "sparse": str(sparse),
        "model_version": str(version),
        "num_changed_params": str(arrays),
        "total_changed_elements": str(changed),
        "total_elements": str(total),
        "sparsity": str(1.0 - changed / total),
        "encoding": encoding,
    }


def make_versions():
    generator = torch.Generator().manual_seed(20)
    shapes = {"a.weight": (40, 25), "b.weight": (4, 16_500), "c.bias": (64,), "d.bias": (8,)}
    base = {
        name: torch.randint(-32768, 32768, shape, dtype=torch.int16, generator=generator)
        for name, shape in shapes.items()
    }
    base["b.weight"].fill_(0x3C00)  # the large one of one word: the repository compresses it
    following = {name: words.clone() for name, words in base.items()}
    for position in (0, 1, 17, 998, 999):  # first, adjacent, last two
        following["a.weight"].view(-1)[position] ^= 1
    for position in (3, 65_540, 65_999):  # a gap of 65,536, the smallest that needs u32
        following["b.weight"].view(-1)[position] ^= 0x0101
    following["c.bias"] ^= -32768  # every word changes its sign
    return base, following


def as_bfloat16(words):
    return {name: array.view(torch.bfloat16) for name, array in words.items()}


def changes(base, following):
    for name in base:
        positions = (base[name].view(-1) != following[name].view(-1)).nonzero().view(-1)
        if len(positions):
            yield name, positions, following[name].view(-1)[positions].view(torch.bfloat16)


def gaps(positions):
    before = torch.cat([torch.tensor([-1]), positions[:-1]])
    distances = positions - before - 1
    return distances.to(torch.uint16 if distances.max() <= 65_535 else torch.uint32)


def save_delta(path, base, following, encoding):
    tensors, changed = {}, 0
    for name, positions, values in changes(base, following):
        is_raw = encoding == "raw"
        tensors[name + ".idx"] = positions.to(torch.int32) if is_raw else gaps(positions)
        tensors[name + ".val"] = values.contiguous()
        changed += len(positions)
    total = sum(words.numel() for words in base.values())
    save_file(tensors, path, metadata(True, 42, len(tensors) // 2, changed, total, encoding))


def main():
    base, following = make_versions()
    total = sum(words.numel() for words in base.values())
    save_file(as_bfloat16(following), FOLDER / "interchange_next.safetensors")
    save_file(as_bfloat16(base), FOLDER / "interchange_anchor.safetensors",
              metadata(False, 41, len(base), 0, total, "gap_delta"))
    save_delta(FOLDER / "interchange_raw.safetensors", base, following, "raw")
    save_delta(FOLDER / "interchange_gap.safetensors", base, following, "gap_delta")


if __name__ == "__main__":
    main()
