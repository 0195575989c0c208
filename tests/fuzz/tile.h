// What must hold whatever bytes TileDecoder is given, with every set of kernels this machine can
// run: all say the same; after a fault nothing is written; after success the changes fit the tile
// and can be encoded again. A broken promise ends the program: the fuzzer keeps the input, the
// replay of the corpus fails.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "base/require.h"
#include "sync/codec/compact_tile_decoder.h"
#include "sync/codec/compact_tile_encoder.h"
#include "tests/support/random_arrays.h"

namespace dws {

// The first byte of an input says what the tile is decoded against: bits 0-1 the words' width,
// bits 2-3 the classes, bits 4-6 how many words.
inline constexpr std::array<std::size_t, 4> kFuzzWidths{1, 2, 4, 2};
inline constexpr std::array<std::size_t, 8> kFuzzWords{300, 1, 64, 65, 1000, 127, 65'536, 2048};

inline constexpr std::size_t kAllKernelsBytes = 8192;

struct TileBase {
    Bytes words;
    std::size_t word_bytes;
    ExponentClasses classes;
};

inline TileBase tile_base(std::byte choice) {
    const auto bits = std::to_integer<std::size_t>(choice);
    static constexpr std::array<ExponentClasses, 4> kClasses{
        ExponentClasses{.thresholds = {16, 60, 110, 114, 116, 118, 200}, .count = 7},
        ExponentClasses{},
        ExponentClasses{.thresholds = {116, 116, 116, 116, 116, 116, 116}, .count = 1},
        ExponentClasses{.thresholds = {1, 255, 255, 255, 255, 255, 255}, .count = 2}};
    static const Bytes content = [] {
        Bytes random_bytes(4 * kTileWords);
        Random random(2);
        for (std::byte& byte : random_bytes) byte = static_cast<std::byte>(random());
        return random_bytes;
    }();
    const std::size_t width = kFuzzWidths[bits % 4];
    const auto end =
        content.begin() + static_cast<std::ptrdiff_t>(kFuzzWords[bits / 16 % 8] * width);
    return {Bytes(content.begin(), end), width, kClasses[bits / 4 % 4]};
}

// Encoders and decoders keep megabytes of working memory: made once.
struct TileCoders {
    std::deque<TileDecoder> decoders;  // one per set of kernels
    TileEncoder flat{CompactMode::flat};
    TileEncoder classes{CompactMode::classes};

    TileCoders() {
        for (const CompactKernels* kernels : runnable_compact_kernels()) {
            decoders.emplace_back(*kernels);
        }
    }
};

inline bool are_same_changes_of_tile(const TileChanges& left, const TileChanges& right) {
    return left.positions == right.positions && left.before == right.before &&
           left.after == right.after;
}

// Empty when the tile is refused.
inline std::optional<TileChanges> decode_and_patch(TileDecoder& decoder,
                                                   std::span<const std::byte> tile,
                                                   const TileBase& base) {
    TileChanges changes;
    const Result<Done> decoded =
        decoder.decode(tile, base.words, base.word_bytes, base.classes, changes);
    Bytes patched = base.words;
    const Result<Done> written = decoder.patch(tile, patched, base.word_bytes, base.classes);
    require(bool(decoded) || decoded.error().fault == Fault::corrupt,
            "foreign bytes are at worst corrupt");
    require(bool(written) || patched == base.words, "a refused tile writes nothing");
    if (!decoded) return std::nullopt;
    require(bool(written), "what decodes can be patched");
    const Tile whole{.array = 0,
                     .first_word = 0,
                     .words = base.words.size() / base.word_bytes,
                     .offset_bytes = 0,
                     .word_bytes = base.word_bytes};
    Bytes expected = base.words;
    for (std::size_t change = 0; change < changes.size(); ++change) {
        const std::size_t position = changes.positions[change];
        require(position < whole.words, "a position is in its tile");
        require(change == 0 || changes.positions[change - 1] < position, "positions ascend");
        require(changes.before[change] == read_word(base.words, whole, position),
                "`before` is the base's word");
        require(changes.after[change] != changes.before[change], "a listed word changes");
        write_word(expected, whole, position, changes.after[change]);
    }
    require(patched == expected, "both ways lead to the same words");
    return changes;
}

// True when the bytes behind the first are a tile.
inline bool fuzz_tile(std::span<const std::byte> input) {
    static TileCoders coders;
    if (input.empty()) return false;
    const TileBase base = tile_base(input[0]);
    const std::span<const std::byte> tile = input.subspan(1);
    // A long tile takes the portable kernels 40 ms here: those are asked about short ones only.
    TileDecoder& fastest = coders.decoders.back();
    const bool asks_all = base.words.size() <= kAllKernelsBytes;
    const std::optional<TileChanges> changes = decode_and_patch(fastest, tile, base);
    for (std::size_t other = 0; asks_all && other + 1 < coders.decoders.size(); ++other) {
        const auto others = decode_and_patch(coders.decoders[other], tile, base);
        require(others.has_value() == changes.has_value(), "all kernels accept the same");
        require(!changes || are_same_changes_of_tile(*others, *changes), "all kernels agree");
    }
    if (!changes) return false;
    for (TileEncoder* encoder : {&coders.flat, &coders.classes}) {
        Bytes made;
        encoder->encode(*changes, base.words, base.word_bytes, base.classes, made);
        const auto again = decode_and_patch(fastest, made, base);
        require(again && are_same_changes_of_tile(*again, *changes),
                "what was decoded can be encoded");
    }
    return true;
}

}  // namespace dws
