// Fields of bits in bytes, least significant bit first: a field of b bits at bit offset o is
// (bytes read as one little-endian integer >> o) mod 2^b.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sync/words.h"

namespace dws {

// Both sides move 8 bytes at a time, so that many bytes past a stream's end must be accessible.
inline constexpr std::size_t kBitSlackBytes = 8;
// A field may start at any bit of its first byte and must end inside 8 bytes.
inline constexpr unsigned kMaxFieldBits = 56;

// bits <= kMaxFieldBits. bytes must be readable up to kBitSlackBytes past the field's first byte.
inline std::uint64_t load_bits(const std::byte* bytes, std::size_t bit_offset, unsigned bits) {
    const std::uint64_t window = load_word<std::uint64_t>(bytes + bit_offset / 8);
    return (window >> (bit_offset % 8)) & ((std::uint64_t{1} << bits) - 1);
}

// Writes fields one after another. What it writes past the last field is zero, up to
// kBitSlackBytes.
class BitWriter {
public:
    explicit BitWriter(std::byte* to) : to_(to) {}

    // value < 2^bits, bits <= kMaxFieldBits.
    void put(std::uint64_t value, unsigned bits) {
        pending_ |= value << fill_;
        fill_ += bits;
        store_word(to_, pending_);
        to_ += fill_ / 8;
        pending_ = fill_ == 64 ? 0 : pending_ >> (fill_ & ~7u);
        fill_ &= 7;
    }

    // `zeros` zero bits and a one.
    void put_unary(std::uint64_t zeros) {
        for (; zeros >= kMaxFieldBits; zeros -= kMaxFieldBits) put(0, kMaxFieldBits);
        put(std::uint64_t{1} << zeros, static_cast<unsigned>(zeros) + 1);
    }

    // Fills the last byte with zeros and returns where the next byte goes.
    std::byte* finish() {
        store_word(to_, pending_);
        if (fill_ > 0) ++to_;
        pending_ = 0;
        fill_ = 0;
        return to_;
    }

private:
    std::byte* to_;
    std::uint64_t pending_ = 0;  // the bits of the unfinished byte
    unsigned fill_ = 0;          // how many, below 8 between calls
};

}  // namespace dws
