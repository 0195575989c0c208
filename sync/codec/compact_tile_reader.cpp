#include "sync/codec/compact_tile_reader.h"

#include <algorithm>
#include <string>

#include "sync/codec/compact_class_map.h"
#include "sync/codec/compact_codes.h"
#include "sync/words.h"

namespace dws {

namespace {

Error corrupt(const char* what) { return Error{Fault::corrupt, std::string("tile: ") + what}; }

}  // namespace

std::optional<std::size_t> TileReader::read_unary(std::size_t from, std::size_t count) {
    std::size_t found = 0;
    std::size_t byte = from;
    for (; found < count && byte < tile_bytes; byte += 8) {
        found += store_set_bits(load_word<std::uint64_t>(tile.data() + byte), 8 * (byte - from),
                                ends.data() + found);
    }
    // What follows the tile in its buffer is zero: no end is found there.
    if (found < count) return std::nullopt;
    return count == 0 ? from : from + ends[count - 1] / 8 + 1;
}

// Increasing by at least one each, below limit. store(index, rank)
template <class Store>
bool TileReader::read_ranks(const Section& section, std::size_t first_gap,
                            std::size_t remainder_bit, std::size_t limit, Store store) const {
    std::uint64_t expected = 0;  // the rank after a gap of 0
    std::uint32_t start = first_gap == 0 ? 0 : ends[first_gap - 1] + 1;
    const std::uint32_t* end_of = ends.data() + first_gap;
    const unsigned rice = section.rice;
    for (std::size_t index = 0; index < section.changes; ++index) {
        const std::uint32_t end = end_of[index];
        const std::uint64_t rank = expected + (std::uint64_t{end - start} << rice) +
                                   load_bits(tile.data(), remainder_bit, rice);
        store(index, static_cast<std::uint32_t>(rank));
        expected = rank + 1;
        start = end + 1;
        remainder_bit += rice;
    }
    return expected <= limit;
}

bool TileReader::read_positions(std::size_t remainders, std::span<const std::byte> words,
                                std::size_t word_bytes, const ExponentClasses& classes,
                                const CompactKernels& kernels) {
    if (header.mode == TileMode::classes) map_classes(kernels, words, word_bytes, classes, map);
    std::size_t first = 0;
    std::size_t bit = 8 * remainders;
    const auto read_section = [&](const Section& section, std::size_t limit, auto store) {
        const bool fits = read_ranks(section, first, bit, limit, store);
        bit += std::size_t{section.rice} * section.changes;
        first += section.changes;
        return fits;
    };
    const std::size_t last = header.section_count - 1;
    for (std::size_t index = 0; index < last; ++index) {
        const Section& section = header.sections[index];
        if (section.changes == 0) continue;
        std::uint16_t* to = positions.data() + first;
        if (!read_section(section, map.members[index],
                          [&](std::size_t change, std::uint32_t rank) { ranks[change] = rank; })) {
            return false;
        }
        kernels.select(map.bits[index], map.ranks[index], ranks.data(), section.changes, to);
    }
    // A rank past the end is stored mod 2^16 and only asked for, then refused. Asking for reading
    // and into L2 is the fastest way to the writes that follow (experiments/bench_codec.cpp).
    std::uint16_t* to = positions.data() + first;
    const std::byte* from = words.data();
    const bool fits = read_section(header.sections[last], words.size() / word_bytes,
                                   [=](std::size_t change, std::uint32_t rank) {
                                       to[change] = static_cast<std::uint16_t>(rank);
                                       __builtin_prefetch(from + to[change] * word_bytes, 0, 2);
                                   });
    return fits &&
           read_section(header.list, header.listable(),
                        [&](std::size_t entry, std::uint32_t rank) { listed[entry] = rank; });
}

void TileReader::read_signs(std::size_t from) {
    constexpr std::size_t kGroup = 32;  // a fixed count: the compiler makes vectors of it
    const std::byte* signs = tile.data() + from;
    const std::size_t changes = header.changes();
    for (std::size_t first = 0; first < changes; first += kGroup) {
        const auto grows = load_word<std::uint32_t>(signs + first / 8);
        for (std::size_t index = 0; index < kGroup; ++index) {
            steps[first + index] = 2 * (grows >> index & 1) - 1;
        }
    }
}

// Multiplies the signs by the lengths of the steps. Returns the byte after their codes.
std::optional<std::size_t> TileReader::read_lengths(std::size_t from) {
    const std::size_t codes = header.changes() - header.listable() + header.list.changes;
    const std::optional<std::size_t> suffixes = read_unary(from, codes);
    if (!suffixes) return std::nullopt;
    std::size_t code = 0;
    std::size_t bit = 8 * *suffixes;
    const auto read_length = [&](std::uint32_t& step, unsigned order, std::uint32_t shortest) {
        const std::uint32_t start = code == 0 ? 0 : ends[code - 1] + 1;
        const std::uint32_t suffix_bits = order + (ends[code] - start);
        ++code;
        if (suffix_bits > 32 || bit + suffix_bits > 8 * tile_bytes) return false;
        const std::uint64_t sum =
            (std::uint64_t{1} << suffix_bits) + load_bits(tile.data(), bit, suffix_bits);
        bit += suffix_bits;
        step *= static_cast<std::uint32_t>(sum - (std::uint64_t{1} << order)) + shortest;
        return true;
    };
    const auto for_each_section = [&](auto visit) {
        std::size_t first = 0;
        for (std::size_t index = 0; index < header.section_count; ++index) {
            if (!visit(header.sections[index], first)) return false;
            first += header.sections[index].changes;
        }
        return true;
    };
    const bool has_coded = for_each_section([&](const Section& section, std::size_t first) {
        if (section.golomb == kListedSteps) return true;
        for (std::size_t change = first; change < first + section.changes; ++change) {
            if (!read_length(steps[change], section.golomb, 1)) return false;
        }
        return true;
    });
    std::size_t entry = 0;     // of the list
    std::size_t listable = 0;  // changes that the list counts, before the section
    const bool has_listed = for_each_section([&](const Section& section, std::size_t first) {
        if (section.golomb != kListedSteps) return true;
        const std::size_t end = listable + section.changes;
        for (; entry < header.list.changes && listed[entry] < end; ++entry) {
            std::uint32_t& step = steps[first + listed[entry] - listable];
            if (!read_length(step, header.list.golomb, 2)) return false;
        }
        listable = end;
        return true;
    });
    if (!has_coded || !has_listed) return std::nullopt;
    return bytes_for(bit);
}

// Exceptions become steps: what is between the old word and the one that is given.
bool TileReader::read_exceptions(std::size_t from, std::span<const std::byte> words,
                                 std::size_t word_bytes) {
    const std::size_t values = from + 2 * std::size_t{header.exceptions};
    for (std::size_t index = 0; index < header.exceptions; ++index) {
        const std::size_t change = load_word<std::uint16_t>(tile.data() + from + 2 * index);
        if (change >= header.changes()) return false;
        std::uint32_t before = 0;
        std::uint32_t after = 0;
        std::memcpy(&before, words.data() + positions[change] * word_bytes, word_bytes);
        std::memcpy(&after, tile.data() + values + index * word_bytes, word_bytes);
        steps[change] = after - before;
    }
    return true;
}

Result<Done> TileReader::read(std::span<const std::byte> bytes, std::span<const std::byte> words,
                              std::size_t word_bytes, const ExponentClasses& classes,
                              const CompactKernels& kernels) {
    if (bytes.size() > longest_tile_bytes(words.size() / word_bytes, word_bytes)) {
        return corrupt("longer than any");
    }
    std::copy(bytes.begin(), bytes.end(), tile.begin());
    std::fill_n(tile.begin() + static_cast<std::ptrdiff_t>(bytes.size()), kTileSlack, std::byte{0});
    tile_bytes = bytes.size();
    const std::optional<TileHeader> read =
        read_header(tile.data(), words.size() / word_bytes, classes.count);
    if (!read) return corrupt("the header contradicts itself");
    header = *read;
    std::size_t remainder_bits = std::size_t{header.list.rice} * header.list.changes;
    for (std::size_t index = 0; index < header.section_count; ++index) {
        remainder_bits += std::size_t{header.sections[index].rice} * header.sections[index].changes;
    }
    const std::size_t remainders = bytes_for(header_bits(header));
    const std::size_t signs = remainders + bytes_for(remainder_bits);
    const std::size_t exceptions = signs + bytes_for(header.changes());
    const std::size_t quotients = exceptions + header.exceptions * (2 + word_bytes);
    if (quotients > tile_bytes) return corrupt("ends inside its fixed fields");
    const auto lengths = read_unary(quotients, header.changes() + header.list.changes);
    if (!lengths) return corrupt("ends inside its gaps");
    if (!read_positions(remainders, words, word_bytes, classes, kernels)) {
        return corrupt("a position is past the end");
    }
    read_signs(signs);
    const auto end = read_lengths(*lengths);
    if (!end) return corrupt("ends inside its steps");
    if (*end != tile_bytes) return corrupt("bytes are left over");
    if (!read_exceptions(exceptions, words, word_bytes)) return corrupt("no such exception");
    return Done{};
}

std::span<const std::uint16_t> TileReader::sort_positions() {
    const std::size_t changes = header.changes();
    if (header.section_count == 1) {  // flat: in order as they were read
        for (std::size_t change = 0; change < changes; ++change) {
            change_at[positions[change]] = static_cast<std::uint16_t>(change);
        }
        return std::span(positions).first(changes);
    }
    changed.fill(0);
    for (std::size_t change = 0; change < changes; ++change) {
        const std::size_t position = positions[change];
        changed[position / kBlockWords] |= std::uint64_t{1} << (position % kBlockWords);
        change_at[position] = static_cast<std::uint16_t>(change);
    }
    std::size_t found = 0;
    for (std::size_t block = 0; block < kTileBlocks; ++block) {
        found += store_set_bits(changed[block], block * kBlockWords, ascending.data() + found);
    }
    return std::span(ascending).first(found);
}

}  // namespace dws
