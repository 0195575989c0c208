// Words for the tests of the compact codec: each kind of content that a tile's code treats apart.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "sync/changes.h"
#include "sync/codec/compact.h"
#include "sync/codec/compact_tile_decoder.h"
#include "sync/codec/compact_tile_encoder.h"

namespace dws {

struct TilePair {
    Bytes before;
    Bytes after;
    std::size_t word_bytes;

    std::size_t words() const { return before.size() / word_bytes; }
};

inline std::uint32_t word_at(const Bytes& words, std::size_t word_bytes, std::size_t position) {
    std::uint32_t word = 0;
    std::memcpy(&word, words.data() + position * word_bytes, word_bytes);
    return word;
}

inline void set_word(Bytes& words, std::size_t word_bytes, std::size_t position,
                     std::uint32_t word) {
    std::memcpy(words.data() + position * word_bytes, &word, word_bytes);
}

enum class Content {
    weights,  // numbers like weights; changes of a few ulps, more likely where the number is small
    any,      // any bits become any other bits: NaNs, infinities, crossed signs
    special,  // both words are drawn from zeros, infinities, NaNs and the extremes
};

// density: expected share of changed words. Words that are drawn again to change do change.
inline TilePair random_tile(std::size_t words, std::size_t word_bytes, double density,
                            Content content, std::mt19937_64& random) {
    TilePair pair{Bytes(words * word_bytes), Bytes(words * word_bytes), word_bytes};
    const unsigned bits = static_cast<unsigned>(8 * word_bytes);
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    const std::vector<std::uint64_t> extremes = {0,
                                                 sign,
                                                 1,
                                                 sign | 1,
                                                 sign - 1,
                                                 mask,
                                                 sign - 2,
                                                 (sign - 1) & ~(sign >> 9),
                                                 0x7f80 & mask,
                                                 0x7fc0 & mask,
                                                 0x3c00 & mask,
                                                 sign | (0x7c00 & mask)};
    std::normal_distribution<float> weight(0, 0.03f);
    std::uniform_real_distribution<double> share(0, 1);
    for (std::size_t position = 0; position < words; ++position) {
        std::uint64_t before = random() & mask;
        if (content == Content::special) before = extremes[random() % extremes.size()];
        if (content == Content::weights) {
            const float value = weight(random);
            std::uint32_t whole = 0;
            std::memcpy(&whole, &value, 4);
            before = whole >> (32 - bits);
        }
        std::uint64_t after = before;
        while (share(random) < density && after == before) {
            if (content == Content::any) after = random() & mask;
            if (content == Content::special) after = extremes[random() % extremes.size()];
            if (content == Content::weights) {
                const std::uint64_t ulps = random() % 8 != 0 ? 1 : 1 + random() % 40;
                after = (random() % 2 != 0 ? before + ulps : before - ulps) & mask;
            }
        }
        set_word(pair.before, word_bytes, position, static_cast<std::uint32_t>(before));
        set_word(pair.after, word_bytes, position, static_cast<std::uint32_t>(after));
    }
    return pair;
}

// What diff() finds in one tile.
inline TileChanges changes_between(const TilePair& pair) {
    TileChanges changes;
    for (std::size_t position = 0; position < pair.words(); ++position) {
        const std::uint32_t before = word_at(pair.before, pair.word_bytes, position);
        const std::uint32_t after = word_at(pair.after, pair.word_bytes, position);
        if (before == after) continue;
        changes.positions.push_back(static_cast<std::uint16_t>(position));
        changes.before.push_back(before);
        changes.after.push_back(after);
    }
    return changes;
}

inline ExponentClasses classes_for(const TilePair& pair) {
    KeyHistogram histogram;
    count_keys(pair.before.data(), pair.after.data(), pair.words(), pair.word_bytes, histogram);
    return choose_classes(histogram);
}

// Seven classes whatever the content, so that none is tried by accident only.
inline ExponentClasses even_classes() {
    return ExponentClasses{.thresholds = {16, 60, 110, 114, 116, 118, 200}, .count = 7};
}

}  // namespace dws
