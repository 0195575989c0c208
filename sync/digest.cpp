#include "sync/digest.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/require.h"
#include "sync/parallel.h"
#include "sync/words.h"

namespace dws {

namespace {

using Lanes = std::array<std::uint64_t, 2>;

// Odd constants without structure: xxHash64's primes for position and word, splitmix64's and
// MurmurHash3's for the rounds; the lanes differ in all of them (FORMAT.md, "Digest").
constexpr Lanes kSeedKey = {0x243f6a8885a308d3, 0x13198a2e03707344};  // digits of pi
constexpr Lanes kPosition = {0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f};
constexpr Lanes kWord = {0x165667b19e3779f9, 0x27d4eb2f165667c5};
constexpr Lanes kFirstRound = {0xbf58476d1ce4e5b9, 0xff51afd7ed558ccd};
constexpr Lanes kSecondRound = {0x94d049bb133111eb, 0xc4ceb9fe1a85ec53};

template <std::size_t Lane>
std::uint64_t finish(std::uint64_t state) {
    state = (state ^ (state >> 32)) * kFirstRound[Lane];
    state = (state ^ (state >> 29)) * kSecondRound[Lane];
    return state ^ (state >> 32);
}

template <std::size_t Lane>
std::uint64_t mix_lane(std::uint64_t seed, std::uint64_t position, std::uint64_t word) {
    return finish<Lane>((seed + position * kPosition[Lane]) ^ (word * kWord[Lane]));
}

// words: (count,) the array's words from first_position on.
template <class Word>
Digest digest_run(const ArraySeed& seed, std::uint64_t first_position, const std::byte* words,
                  std::size_t count) {
    std::uint64_t lane_0 = 0;
    std::uint64_t lane_1 = 0;
    for (std::size_t index = 0; index < count; ++index) {
        const std::uint64_t word = load_word<Word>(words + index * sizeof(Word));
        lane_0 += mix_lane<0>(seed.lanes[0], first_position + index, word);
        lane_1 += mix_lane<1>(seed.lanes[1], first_position + index, word);
    }
    return Digest{{lane_0, lane_1}};
}

// FNV-1a, 64 bits (draft-eastlake-fnv).
std::uint64_t fnv_1a(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char letter : text) {
        hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
    }
    return hash;
}

bool is_lower_hex(char digit) {
    return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
}

}  // namespace

Digest& Digest::operator+=(const Digest& other) {
    lanes[0] += other.lanes[0];
    lanes[1] += other.lanes[1];
    return *this;
}

Digest& Digest::operator-=(const Digest& other) {
    lanes[0] -= other.lanes[0];
    lanes[1] -= other.lanes[1];
    return *this;
}

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", lanes[0], lanes[1]); }

std::optional<Digest> Digest::from_hex(std::string_view text) {
    if (text.size() != 32) return std::nullopt;
    for (const char digit : text) {
        if (!is_lower_hex(digit)) return std::nullopt;
    }
    Digest digest;
    std::from_chars(text.data(), text.data() + 16, digest.lanes[0], 16);
    std::from_chars(text.data() + 16, text.data() + 32, digest.lanes[1], 16);
    return digest;
}

ArraySeed array_seed(std::string_view name) {
    const std::uint64_t hash = fnv_1a(name);
    return ArraySeed{{finish<0>(hash ^ kSeedKey[0]), finish<1>(hash ^ kSeedKey[1])}};
}

Digest mix(const ArraySeed& seed, std::uint64_t position, std::uint32_t word) {
    return Digest{
        {mix_lane<0>(seed.lanes[0], position, word), mix_lane<1>(seed.lanes[1], position, word)}};
}

Digest digest_tile(const ArrayTable& table, std::size_t tile, std::span<const std::byte> words) {
    const Tile place = table.tile(tile);
    require(place.offset_bytes + place.words * place.word_bytes <= words.size(),
            "words is the table's flat buffer");
    const ArraySeed seed = array_seed(table.layout().specs()[place.array].name);
    return with_word_type(place.word_bytes, [&](auto type) {
        return digest_run<decltype(type)>(seed, place.first_word, words.data() + place.offset_bytes,
                                          place.words);
    });
}

std::vector<Digest> digest_tiles(const ArrayTable& table, std::span<const std::byte> words,
                                 std::size_t threads) {
    std::vector<Digest> tiles(table.tiles());
    for_each_piece(threads, tiles.size(), [&](std::size_t, std::size_t tile) {
        tiles[tile] = digest_tile(table, tile, words);
    });
    return tiles;
}

Digest sum(std::span<const Digest> tiles) {
    Digest total;
    for (const Digest& tile : tiles) total += tile;
    return total;
}

Digest digest_change(const ArrayTable& table, std::size_t tile, const TileChanges& changes) {
    require(changes.before.size() == changes.size(), "digest_change() needs the old words");
    const Tile place = table.tile(tile);
    const ArraySeed seed = array_seed(table.layout().specs()[place.array].name);
    Digest change;
    for (std::size_t index = 0; index < changes.size(); ++index) {
        const std::uint64_t position = place.first_word + changes.positions[index];
        change += mix(seed, position, changes.after[index]);
        change -= mix(seed, position, changes.before[index]);
    }
    return change;
}

}  // namespace dws
