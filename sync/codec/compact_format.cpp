#include "sync/codec/compact_format.h"

#include <algorithm>
#include <bit>

#include "sync/codec/bit_stream.h"

namespace dws {

namespace {

constexpr unsigned kModeBits = 2;
constexpr unsigned kWidthBits = 5;  // of the width of the counts, 0..17
constexpr unsigned kCodeBits = 4;   // of a Rice or Golomb parameter

// The narrowest field that holds every count of the header.
unsigned count_width(const TileHeader& header) {
    std::uint32_t largest = header.list.changes;
    for (std::size_t index = 0; index < header.section_count; ++index) {
        largest = std::max(largest, header.sections[index].changes);
    }
    return static_cast<unsigned>(std::bit_width(largest));
}

}  // namespace

bool has_exponent(DType dtype) {
    return dtype == DType::kF8E4M3 || dtype == DType::kF8E5M2 || dtype == DType::kF16 ||
           dtype == DType::kBF16 || dtype == DType::kF32;
}

std::uint32_t TileHeader::changes() const {
    std::uint32_t sum = 0;
    for (std::size_t index = 0; index < section_count; ++index) sum += sections[index].changes;
    return sum;
}

std::uint32_t TileHeader::listable() const {
    std::uint32_t sum = 0;
    for (std::size_t index = 0; index < section_count; ++index) {
        if (sections[index].golomb == kListedSteps) sum += sections[index].changes;
    }
    return sum;
}

std::size_t header_bits(const TileHeader& header) {
    const std::size_t width = count_width(header);
    std::size_t bits = kModeBits + kWidthBits + 2;
    for (std::size_t index = 0; index < header.section_count; ++index) {
        bits += width + (header.sections[index].changes > 0 ? 2 * kCodeBits : 0);
    }
    if (header.list.changes > 0) bits += width + 2 * kCodeBits;
    if (header.exceptions > 0) bits += kCountBits;
    return bits;
}

std::byte* write_header(const TileHeader& header, std::byte* to) {
    BitWriter bits(to);
    const unsigned width = count_width(header);
    bits.put(static_cast<unsigned>(header.mode), kModeBits);
    bits.put(header.list.changes > 0, 1);
    bits.put(header.exceptions > 0, 1);
    bits.put(width, kWidthBits);
    const auto put_section = [&](const Section& section) {
        bits.put(section.changes, width);
        if (section.changes == 0) return;
        bits.put(section.rice, kCodeBits);
        bits.put(section.golomb, kCodeBits);
    };
    for (std::size_t index = 0; index < header.section_count; ++index) {
        put_section(header.sections[index]);
    }
    if (header.list.changes > 0) put_section(header.list);
    if (header.exceptions > 0) bits.put(header.exceptions, kCountBits);
    return bits.finish();
}

std::optional<TileHeader> read_header(const std::byte* from, std::size_t words,
                                      std::size_t thresholds) {
    std::size_t offset = 0;
    const auto take = [&](unsigned bits) {
        const std::uint64_t field = load_bits(from, offset, bits);
        offset += bits;
        return static_cast<std::uint32_t>(field);
    };
    TileHeader header;
    header.mode = static_cast<TileMode>(take(kModeBits));
    if (header.mode != TileMode::flat && header.mode != TileMode::classes) return std::nullopt;
    header.section_count = header.mode == TileMode::flat ? 1 : thresholds + 1;
    const bool has_list = take(1) != 0;
    const bool has_exceptions = take(1) != 0;
    const unsigned width = take(kWidthBits);
    if (width > kCountBits) return std::nullopt;
    const auto take_section = [&](Section& section) {
        section.changes = take(width);
        if (section.changes == 0) return;
        section.rice = static_cast<std::uint8_t>(take(kCodeBits));
        section.golomb = static_cast<std::uint8_t>(take(kCodeBits));
    };
    for (std::size_t index = 0; index < header.section_count; ++index) {
        take_section(header.sections[index]);
    }
    if (has_list) take_section(header.list);
    if (has_exceptions) header.exceptions = take(kCountBits);
    const bool is_sound = header.changes() > 0 && header.changes() <= words &&
                          header.list.changes <= header.listable() &&
                          (!has_list || header.list.golomb != kListedSteps) &&
                          header.exceptions <= header.changes() &&
                          header_bits(header) == offset;  // no wider than it needs to be
    if (!is_sound) return std::nullopt;
    return header;
}

}  // namespace dws
