#!/usr/bin/env python3
"""Decodes compact_delta.safetensors by the words of sync/FORMAT_COMPACT.md alone, with numpy only,
and compares with compact_words.safetensors (base.<name> and next.<name>) bit for bit.

    python3 check_compact.py [delta words]

The delta was written by encode_compact() (mode smallest, versions 41 to 43), which a test of
tests/sync/codec_compact_test.cpp compares with it."""
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


def main():
    folder = pathlib.Path(__file__).parent
    paths = sys.argv[1:] or [folder / "compact_delta.safetensors",
                             folder / "compact_words.safetensors"]
    metadata, delta = read_safetensors(paths[0])
    _, words = read_safetensors(paths[1])
    assert metadata["format"] == "dws_compact" and metadata["format_version"] == "1"
    lengths = np.frombuffer(delta["index"][2], "<u4")
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    tiles = delta["tiles"][2]
    assert offsets[-1] == len(tiles)
    first_tile, tile, changed, modes = int(metadata["first_tile"]), 0, 0, set()
    for name, (dtype, _, data) in words.items():
        if not name.startswith("base."):
            continue
        width = WIDTH[dtype]
        base = np.frombuffer(data, f"<u{width}")
        expected = np.frombuffer(words["next." + name[5:]][2], f"<u{width}")
        thresholds = list(delta.get("classes." + dtype, (0, 0, b""))[2])
        for first in range(0, len(base), TILE_WORDS):
            index, tile = tile - first_tile, tile + 1
            if not 0 <= index < len(lengths):
                continue
            encoded = tiles[offsets[index]:offsets[index + 1]]
            part = slice(first, first + TILE_WORDS)
            decoded = decode_tile(encoded, base[part], 8 * width, thresholds)
            assert np.array_equal(decoded, expected[part]), (name, first)
            changed += int(np.count_nonzero(decoded != base[part]))
            modes.add(encoded[0] & 3 if encoded else 0)
    assert changed == int(metadata["changed_words"])
    print(f"{changed} changed words in {tile} tiles agree; modes {sorted(modes)}")


if __name__ == "__main__":
    main()
