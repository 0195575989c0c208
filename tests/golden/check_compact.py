#!/usr/bin/env python3
"""Decodes compact deltas by the words of sync/FORMAT_COMPACT.md alone, with numpy only, and compares
with the words they must lead to, bit for bit. Normally run by check_compact.sh.

    python3 check_compact.py [FOLDER]

Always checked: compact_delta.safetensors with compact_words.safetensors (base.<name> and
next.<name>), as encode_compact() wrote them (mode smallest, versions 41 to 43), which a test of
tests/sync/codec_compact_test.cpp compares with it. With FOLDER: also every <example>.words.safetensors
with <example>.delta_*.safetensors in it, as make_compact.cpp writes them."""
import json
import pathlib
import sys

import numpy as np

WIDTH = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2,
         "BF16": 2, "I32": 4, "U32": 4, "F32": 4}
TILE_WORDS = 65536


def read_safetensors(path):
    """-> metadata, {name: (dtype, shape, bytes)} in the order of the bytes."""
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    body = data[8 + length:]
    arrays = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        arrays[name] = (entry["dtype"], entry["shape"], body[begin:end])
    return metadata, arrays


class Bits:
    """One tile's bits, read in order."""

    def __init__(self, tile):
        self.bits = np.unpackbits(np.frombuffer(tile, np.uint8), bitorder="little")
        self.at = 0

    def take(self, count):
        assert self.at + count <= len(self.bits), "the tile ends early"
        field = self.bits[self.at:self.at + count]
        self.at += count
        return int(sum(int(bit) << place for place, bit in enumerate(field)))

    def take_unary(self):
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
        return zeros

    def align(self):
        self.at = (self.at + 7) // 8 * 8


def decode_tile(tile, words, bits_per_word, thresholds):
    """words: the base's, unsigned. Returns the next version's."""
    assert len(tile) <= (bits_per_word // 8 + 3) * len(words) + 64, "the tile is too long"
    if len(tile) == 0:
        return words.copy()
    if tile[0] == 3:
        return np.frombuffer(tile[1:], words.dtype)
    stream = Bits(tile)
    mode = stream.take(2)
    has_list, has_exceptions = stream.take(1), stream.take(1)
    width = stream.take(5)

    def take_section():
        changes = stream.take(width)
        return (changes, stream.take(4), stream.take(4)) if changes else (0, 0, 15)

    sections = [take_section() for _ in range(1 if mode == 1 else len(thresholds) + 1)]
    listed = take_section() if has_list else (0, 0, 15)
    exceptions = stream.take(17) if has_exceptions else 0
    stream.align()

    runs = sections + [listed]
    remainders = [[stream.take(rice) for _ in range(count)] for count, rice, _ in runs]
    stream.align()
    changes = sum(count for count, _, _ in sections)
    signs = [1 if stream.take(1) else -1 for _ in range(changes)]
    stream.align()
    exception_at = [stream.take(16) for _ in range(exceptions)]
    exception_words = [stream.take(bits_per_word) for _ in range(exceptions)]
    ranks = []
    for (_, rice, _), low in zip(runs, remainders):
        rank, run = -1, []
        for remainder in low:
            rank += 1 + (stream.take_unary() << rice) + remainder
            run.append(rank)
        ranks.append(run)
    stream.align()

    keys = ((words.astype(np.uint64) << np.uint64(1)) & np.uint64((1 << bits_per_word) - 1)) \
        >> np.uint64(bits_per_word - 8)
    positions = []
    for section, run in enumerate(ranks[:-1]):
        if section + 1 == len(sections):
            positions += run
        else:
            lowest = thresholds[section - 1] if section > 0 else 0
            members = np.flatnonzero((keys >= lowest) & (keys < thresholds[section]))
            positions += [int(members[rank]) for rank in run]
    assert len(set(positions)) == changes

    coded, listable, change = [], [], 0
    for count, _, golomb in sections:
        span = range(change, change + count)
        if golomb == 15:
            listable += span
        else:
            coded += [(index, golomb, 1) for index in span]
        change += count
    coded += [(listable[rank], listed[2], 2) for rank in ranks[-1]]
    prefixes = [stream.take_unary() for _ in coded]
    stream.align()
    lengths = [1] * changes
    for (index, golomb, shortest), prefix in zip(coded, prefixes):
        suffix = stream.take(golomb + prefix)
        lengths[index] = shortest + (1 << (golomb + prefix)) + suffix - (1 << golomb)
    stream.align()
    assert stream.at == 8 * len(tile), "the tile ends late"

    result = words.copy()
    mask = (1 << bits_per_word) - 1
    for index, position in enumerate(positions):
        result[position] = (int(words[position]) + signs[index] * lengths[index]) & mask
    for index, word in zip(exception_at, exception_words):
        result[positions[index]] = word
    return result


def check(words_path, delta_paths):
    """Returns changed words, tiles and modes; stops at the first word that differs."""
    _, words = read_safetensors(words_path)
    arrays = [name[5:] for name in words if name.startswith("base.")]
    tiles = {}  # number of a tile -> its bytes and its file
    claimed, total = 0, 0
    for path in delta_paths:
        metadata, delta = read_safetensors(path)
        assert metadata["format"] == "dws_compact" and metadata["format_version"] == "1"
        assert metadata["model_version"] == "43" and metadata["base_version"] == "41"
        lengths = np.frombuffer(delta["index"][2], "<u4")
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        assert offsets[-1] == len(delta["tiles"][2])
        for index in range(len(lengths)):
            number = int(metadata["first_tile"]) + index
            assert number not in tiles, "a tile in two files"
            tiles[number] = delta["tiles"][2][offsets[index]:offsets[index + 1]], delta
        claimed += int(metadata["changed_words"])
        total = int(metadata["total_words"])
    tile, changed, modes, held = 0, 0, set(), 0
    for name in arrays:
        dtype, _, data = words["base." + name]
        width = WIDTH[dtype]
        base = np.frombuffer(data, f"<u{width}")
        expected = np.frombuffer(words["next." + name][2], f"<u{width}")
        held += len(base)
        for first in range(0, len(base), TILE_WORDS):
            encoded, delta = tiles.pop(tile)
            tile += 1
            part = slice(first, first + TILE_WORDS)
            thresholds = list(delta.get("classes." + dtype, (0, 0, b""))[2])
            decoded = decode_tile(encoded, base[part], 8 * width, thresholds)
            assert np.array_equal(decoded, expected[part]), (words_path, name, first)
            changed += int(np.count_nonzero(decoded != base[part]))
            modes.add(encoded[0] & 3 if encoded else 0)
    assert not tiles, "tiles past the last array"
    assert changed == claimed and held == total
    return changed, tile, modes


def main():
    here = pathlib.Path(__file__).parent
    examples = [(here / "compact_words.safetensors", [here / "compact_delta.safetensors"])]
    if len(sys.argv) > 1:
        folder = pathlib.Path(sys.argv[1])
        for words in sorted(folder.glob("*.words.safetensors")):
            name = words.name[:-len(".words.safetensors")]
            examples.append((words, sorted(folder.glob(name + ".delta_*.safetensors"))))
        assert len(examples) > 1, f"no examples in {folder}"
    changed, tiles, files, modes = 0, 0, 0, set()
    for words, deltas in examples:
        result = check(words, deltas)
        changed, tiles, files = changed + result[0], tiles + result[1], files + len(deltas)
        modes |= result[2]
    print(f"{changed} changed words in {tiles} tiles of {files} files agree; modes {sorted(modes)}")


if __name__ == "__main__":
    main()
