// Pairs of versions for the codecs, with every content that a delta may have to carry: all dtypes,
// densities, arrays that end at a tile's edges, and bit patterns that are no numbers.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/random_arrays.h"
#include "tests/sync/codec_compact_fixture.h"

namespace dws {

inline constexpr std::array kCodedDTypes{DType::kBF16, DType::kF16, DType::kF8E4M3, DType::kF8E5M2,
                                         DType::kF32,  DType::kU8,  DType::kI8,     DType::kI16,
                                         DType::kI32,  DType::kBool};

struct VersionPair {
    ArrayTable table;
    Bytes base;
    Bytes next;
};

inline std::string array_name(DType dtype, const std::string& what) {
    return std::string(name_of(dtype)) + "." + what;
}

// Per dtype an array without words, one of one word, and one of each of these lengths.
inline ArrayTable table_of_lengths(const std::vector<std::vector<std::size_t>>& lengths) {
    std::vector<TensorSpec> specs;
    for (std::size_t index = 0; index < kCodedDTypes.size(); ++index) {
        const DType dtype = kCodedDTypes[index];
        specs.push_back({array_name(dtype, "empty"), dtype, {0, 7}});
        specs.push_back({array_name(dtype, "one"), dtype, {}});
        for (const std::size_t words : lengths[index % lengths.size()]) {
            specs.push_back({array_name(dtype, std::to_string(words)),
                             dtype,
                             {static_cast<std::int64_t>(words)}});
        }
    }
    return make_table(std::move(specs));
}

// Fills both buffers' tile. density: expected share of the tile's words that change.
inline void fill_tile(VersionPair& pair, std::size_t index, double density, Content content,
                      Random& random) {
    const Tile tile = pair.table.tile(index);
    const TilePair words = random_tile(tile.words, tile.word_bytes, density, content, random);
    const auto at = static_cast<std::ptrdiff_t>(tile.offset_bytes);
    std::ranges::copy(words.before, pair.base.begin() + at);
    std::ranges::copy(words.after, pair.next.begin() + at);
}

// What changes in a tile: any share of its words, or exactly one word.
inline constexpr double kOneWord = -1;

inline void change_one_word(VersionPair& pair, std::size_t index, Random& random) {
    const Tile tile = pair.table.tile(index);
    const std::size_t position = random() % tile.words;
    write_word(pair.next, tile, position, read_word(pair.base, tile, position) + 1);
}

// density_of(tile's index): a share or kOneWord. Contents take turns, tile by tile.
template <class DensityOf>
VersionPair random_versions(ArrayTable table, Random& random, DensityOf density_of) {
    constexpr std::array kContents{Content::weights, Content::any, Content::special};
    const std::size_t bytes = table.layout().size_bytes();
    VersionPair pair{std::move(table), Bytes(bytes), Bytes(bytes)};
    const std::size_t turn = random() % kContents.size();
    for (std::size_t index = 0; index < pair.table.tiles(); ++index) {
        const double density = density_of(index);
        const Content content = kContents[(index + turn) % kContents.size()];
        fill_tile(pair, index, density == kOneWord ? 0 : density, content, random);
        if (density == kOneWord) change_one_word(pair, index, random);
    }
    return pair;
}

// Old and new words of one array, written out, in order.
struct Transitions {
    std::string name;
    DType dtype;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> words;
};

// spacing: one of so many words is listed, those between them stay 0. Close together they make
// tiles of words as they are, far apart coded ones.
inline VersionPair versions_of(const std::vector<Transitions>& arrays, std::size_t spacing) {
    std::vector<TensorSpec> specs;
    for (const Transitions& array : arrays) {
        specs.push_back(
            {array.name, array.dtype, {static_cast<std::int64_t>(array.words.size() * spacing)}});
    }
    ArrayTable table = make_table(std::move(specs));
    const std::size_t bytes = table.layout().size_bytes();
    VersionPair pair{std::move(table), Bytes(bytes), Bytes(bytes)};
    for (std::size_t array = 0; array < arrays.size(); ++array) {
        for (std::size_t index = 0; index < arrays[array].words.size(); ++index) {
            const std::size_t position = index * spacing;
            const Tile tile = pair.table.tile(pair.table.first_tile(array) + position / kTileWords);
            const auto [before, after] = arrays[array].words[index];
            write_word(pair.base, tile, position % kTileWords, before);
            write_word(pair.next, tile, position % kTileWords, after);
        }
    }
    return pair;
}

inline Transitions every_pair(DType dtype, const std::string& what,
                              const std::vector<std::uint32_t>& words) {
    Transitions array{array_name(dtype, what), dtype, {}};
    for (const std::uint32_t before : words) {
        for (const std::uint32_t after : words) array.words.emplace_back(before, after);
    }
    return array;
}

// All words of a 16-bit float type that are NaN. infinity: its positive one.
inline std::vector<std::uint32_t> nans_of(std::uint32_t infinity) {
    std::vector<std::uint32_t> nans;
    for (std::uint32_t word = infinity + 1; word <= 0x7fff; ++word) {
        nans.push_back(word);
        nans.push_back(word | 0x8000);
    }
    return nans;
}

// Every NaN becomes each of the others, and each of the others every NaN.
inline Transitions nans_and(DType dtype, const std::vector<std::uint32_t>& nans,
                            const std::vector<std::uint32_t>& others) {
    Transitions array{array_name(dtype, "nans_and_others"), dtype, {}};
    for (const std::uint32_t nan : nans) {
        for (const std::uint32_t other : others) {
            array.words.emplace_back(nan, other);
            array.words.emplace_back(other, nan);
        }
        array.words.emplace_back(nan, nan ^ 0x8000);
        array.words.emplace_back(nan, nan);
    }
    return array;
}

// Zeros, ones, the smallest, the largest, infinities, NaNs with every bit of their fraction, each
// with both signs.
inline std::vector<std::uint32_t> special_words_of_f32() {
    std::vector<std::uint32_t> words{0,          1,          0x007fffff, 0x00800000,
                                     0x3f800000, 0x7f7fffff, 0x7f800000, 0x7fffffff};
    for (unsigned bit = 0; bit < 23; ++bit) words.push_back(0x7f800000 | 1u << bit);
    for (std::size_t index = words.size(); index-- > 0;) words.push_back(words[index] | 1u << 31);
    return words;
}

// Every bit pattern that is no ordinary number, as the old and as the new word: all pairs of
// bf16 NaNs, all fp16 NaNs against zeros, ones, infinities and their neighbours, all pairs of
// bytes, and pairs of special 32-bit words.
inline VersionPair special_versions(std::size_t spacing) {
    const std::vector<std::uint32_t> of_bf16{0,      0x8000, 1,      0x3f80, 0xbf80,
                                             0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0xff7f};
    const std::vector<std::uint32_t> of_f16{0, 0x8000, 1, 0x3c00, 0xbc00, 0x7bff, 0x7c00, 0xfc00};
    const std::vector<std::uint32_t> of_i16{0,      1,      2,      0x7ffe, 0x7fff,
                                            0x8000, 0x8001, 0xfffe, 0xffff};
    const std::vector<std::uint32_t> of_i32{0,           1,           0xff,       0x7ffffffe,
                                            0x7fffffff,  0x80000000,  0x80000001, 0xfffffffe,
                                            0x01000000u, 0x02000001u, 0xffffffff};
    std::vector<std::uint32_t> bytes(256);
    for (std::uint32_t byte = 0; byte < 256; ++byte) bytes[byte] = byte;
    return versions_of(
        {every_pair(DType::kBF16, "nans", nans_of(0x7f80)),
         nans_and(DType::kBF16, nans_of(0x7f80), of_bf16),
         every_pair(DType::kBF16, "specials", of_bf16),
         nans_and(DType::kF16, nans_of(0x7c00), of_f16),
         every_pair(DType::kF16, "specials", of_f16), every_pair(DType::kF8E4M3, "bytes", bytes),
         every_pair(DType::kF8E5M2, "bytes", bytes), every_pair(DType::kI8, "bytes", bytes),
         every_pair(DType::kF32, "specials", special_words_of_f32()),
         every_pair(DType::kI16, "specials", of_i16), every_pair(DType::kI32, "specials", of_i32)},
        spacing);
}

}  // namespace dws
