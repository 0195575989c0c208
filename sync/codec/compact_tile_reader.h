// What stands in the bytes of one flat or classes tile (FORMAT_COMPACT.md, "A tile"), stream by
// stream. For TileDecoder, which turns it into changes; kept from tile to tile, since it is large.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "sync/codec/bit_positions.h"
#include "sync/codec/bit_stream.h"
#include "sync/codec/compact_format.h"
#include "sync/codec/compact_kernels.h"

namespace dws {

inline constexpr std::size_t kMaxTileBytes = longest_tile_bytes(kTileWords, 4);
// Readable behind a tile: a header may be read before its length is known.
inline constexpr std::size_t kTileSlack = kMaxHeaderBits / 8 + 1 + kBitSlackBytes;
// Gap codes of a tile: its changes, and at most as many listed ones.
inline constexpr std::size_t kMaxGaps = 2 * kTileWords;

struct TileReader {
    std::array<std::byte, kMaxTileBytes + kTileSlack> tile;
    std::size_t tile_bytes = 0;
    TileHeader header;
    std::array<std::uint32_t, kMaxGaps + kPositionSlack> ends;  // of unary codes, in bits
    std::array<std::uint32_t, kTileWords> ranks;
    std::array<std::uint32_t, kTileWords> listed;
    std::array<std::uint16_t, kTileWords> positions;  // by change
    std::array<std::uint32_t, kTileWords> steps;      // by change, mod 2^32; whole groups of signs
    std::array<std::uint64_t, kTileBlocks> changed;   // bitmap
    std::array<std::uint16_t, kTileWords> change_at;  // by position
    std::array<std::uint16_t, kTileWords + kPositionSlack> ascending;
    ClassMap map;

    Result<Done> read(std::span<const std::byte> bytes, std::span<const std::byte> words,
                      std::size_t word_bytes, const ExponentClasses& classes,
                      const CompactKernels& kernels);
    // The positions in ascending order, each once; fills change_at.
    std::span<const std::uint16_t> sort_positions();

private:
    // Finds the ends of `count` unary codes from a byte on; returns the byte after them.
    std::optional<std::size_t> read_unary(std::size_t from, std::size_t count);
    template <class Store>
    bool read_ranks(const Section& section, std::size_t first_gap, std::size_t remainder_bit,
                    std::size_t limit, Store store) const;
    bool read_positions(std::size_t remainders, std::span<const std::byte> words,
                        std::size_t word_bytes, const ExponentClasses& classes,
                        const CompactKernels& kernels);
    void read_signs(std::size_t from);
    std::optional<std::size_t> read_lengths(std::size_t from);
    bool read_exceptions(std::size_t from, std::span<const std::byte> words,
                         std::size_t word_bytes);
};

}  // namespace dws
