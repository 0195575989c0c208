// How one tile's changes look as bytes (FORMAT_COMPACT.md): constants, the tile's header, and the
// classes into which the old words' exponents fall.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/tensor_layout.h"
#include "sync/array_table.h"

namespace dws {

inline constexpr std::size_t kMaxThresholds = 7;                 // between eight classes
inline constexpr std::size_t kMaxSections = kMaxThresholds + 1;  // the last one is flat
inline constexpr unsigned kMaxRice = 15;                         // gaps are below 65,536
inline constexpr unsigned kListedSteps = 15;  // a section's Golomb field: its steps are listed
inline constexpr unsigned kCountBits = 17;    // a tile may hold 65,536 changes

// What no tile exceeds. A flat tile beats a raw one unless most words change by steps too long to
// code, which costs an index of 2 bytes each; whoever no longer has the tile's other words writes
// it all the same. Gaps, signs and lengths take below a byte a word then.
constexpr std::size_t longest_tile_bytes(std::size_t words, std::size_t word_bytes) {
    return words * (word_bytes + 3) + 64;
}

// Which classes the old words of one dtype form. A word's key is the 8 bits after its sign bit (an
// 8-bit word has 7, the key's last bit is 0): the exponent of bf16 and f32, and the exponent with
// leading bits of the fraction for narrower ones. Class c holds the keys below thresholds[c] that
// no class before it holds; what no threshold covers is the last, flat section.
struct ExponentClasses {
    std::array<std::uint8_t, kMaxThresholds> thresholds{};  // ascending; the unused repeat the last
    std::size_t count = 0;                                  // of thresholds in use

    bool operator==(const ExponentClasses&) const = default;
};

// Types whose old exponent says how likely a change is.
bool has_exponent(DType dtype);

enum class TileMode : std::uint8_t {
    flat = 1,     // one section: gaps between positions in the tile
    classes = 2,  // a section per class: gaps between positions among the words of the class
    raw = 3,      // one byte with this mode, then all new words
};

// A run of changes whose positions are coded alike.
struct Section {
    std::uint32_t changes = 0;
    std::uint8_t rice = 0;               // a gap's low bits, below 16
    std::uint8_t golomb = kListedSteps;  // order of the exp-Golomb code of steps, or kListedSteps
};

struct TileHeader {
    TileMode mode = TileMode::flat;
    std::array<Section, kMaxSections> sections{};
    std::size_t section_count = 1;
    // Which changes of the sections with kListedSteps step by more than one: coded like positions
    // among those changes.
    Section list{};
    std::uint32_t exceptions = 0;  // changes whose new word is given as it is

    std::uint32_t changes() const;
    std::uint32_t listable() const;  // changes of the sections with kListedSteps
};

inline constexpr std::size_t kMaxHeaderBits =
    2 + 5 + kMaxSections * (kCountBits + 8) + 1 + (kCountBits + 8) + 1 + kCountBits;

std::size_t header_bits(const TileHeader& header);
// to: room for kMaxHeaderBits and kBitSlackBytes. Returns where the next byte goes.
std::byte* write_header(const TileHeader& header, std::byte* to);

// from: readable for kMaxHeaderBits and kBitSlackBytes whatever the tile's length. thresholds: in
// use for the tile's dtype. Empty when the counts contradict each other or `words`.
std::optional<TileHeader> read_header(const std::byte* from, std::size_t words,
                                      std::size_t thresholds);

}  // namespace dws
