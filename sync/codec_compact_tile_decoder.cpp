#include "sync/codec_compact_tile_decoder.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/require.h"
#include "sync/bit_positions.h"
#include "sync/bit_stream.h"
#include "sync/codec_compact_class_map.h"
#include "sync/codec_compact_codes.h"
#include "sync/words.h"

namespace dws {

namespace {

// A tile is never longer than its mode and all of its words.
constexpr std::size_t kMaxTileBytes = 1 + 4 * kTileWords;
// Readable behind a tile: a header may be read before its length is known.
constexpr std::size_t kTileSlack = kMaxHeaderBits / 8 + 1 + kBitSlackBytes;
// Gap codes of a tile: its changes, and at most as many listed ones.
constexpr std::size_t kMaxGaps = 2 * kTileWords;

Error corrupt(const char* what) { return Error{Fault::corrupt, std::string("tile: ") + what}; }

}  // namespace

struct TileDecoder::Scratch {
    std::array<std::byte, kMaxTileBytes + kTileSlack> tile;
    std::size_t tile_bytes = 0;
    TileHeader header;
    std::array<std::uint32_t, kMaxGaps + kPositionSlack> ends;  // of unary codes, in bits
    std::array<std::uint32_t, kTileWords> ranks;
    std::array<std::uint32_t, kTileWords> listed;
    std::array<std::uint16_t, kTileWords> positions;  // by change
    std::array<std::uint32_t, kTileWords> steps;      // by change, mod 2^32
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
    bool read_ranks(const Section& section, std::size_t first_gap, std::size_t remainder_bit,
                    std::size_t limit, std::uint32_t* to) const;
    bool read_positions(std::size_t remainders, std::span<const std::byte> words,
                        std::size_t word_bytes, const ExponentClasses& classes,
                        const CompactKernels& kernels);
    void read_signs(std::size_t from);
    std::optional<std::size_t> read_lengths(std::size_t from);
    bool read_exceptions(std::size_t from, std::span<const std::byte> words,
                         std::size_t word_bytes);
};

std::optional<std::size_t> TileDecoder::Scratch::read_unary(std::size_t from, std::size_t count) {
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

// ranks: increasing by at least one each, below limit.
bool TileDecoder::Scratch::read_ranks(const Section& section, std::size_t first_gap,
                                      std::size_t remainder_bit, std::size_t limit,
                                      std::uint32_t* to) const {
    std::uint64_t expected = 0;  // the rank after a gap of 0
    std::uint32_t start = first_gap == 0 ? 0 : ends[first_gap - 1] + 1;
    for (std::size_t index = 0; index < section.changes; ++index) {
        const std::uint32_t end = ends[first_gap + index];
        const std::uint64_t rank = expected + (std::uint64_t{end - start} << section.rice) +
                                   load_bits(tile.data(), remainder_bit, section.rice);
        to[index] = static_cast<std::uint32_t>(rank);
        expected = rank + 1;
        start = end + 1;
        remainder_bit += section.rice;
    }
    return expected <= limit;
}

bool TileDecoder::Scratch::read_positions(std::size_t remainders, std::span<const std::byte> words,
                                          std::size_t word_bytes, const ExponentClasses& classes,
                                          const CompactKernels& kernels) {
    if (header.mode == TileMode::classes) map_classes(kernels, words, word_bytes, classes, map);
    std::size_t first = 0;
    std::size_t bit = 8 * remainders;
    const auto read_section = [&](const Section& section, std::size_t limit, std::uint32_t* to) {
        const bool fits = read_ranks(section, first, bit, limit, to);
        bit += std::size_t{section.rice} * section.changes;
        first += section.changes;
        return fits;
    };
    for (std::size_t index = 0; index < header.section_count; ++index) {
        const Section& section = header.sections[index];
        std::uint16_t* to = positions.data() + first;
        const bool is_flat = index + 1 == header.section_count;
        const std::size_t limit = is_flat ? words.size() / word_bytes : map.members[index];
        if (!read_section(section, limit, ranks.data())) return false;
        if (is_flat) {
            for (std::size_t change = 0; change < section.changes; ++change) {
                __builtin_prefetch(words.data() + ranks[change] * word_bytes, 1);
                to[change] = static_cast<std::uint16_t>(ranks[change]);
            }
        } else {
            kernels.select(map.bits[index], map.ranks[index], ranks.data(), section.changes, to);
        }
    }
    return read_section(header.list, header.listable(), listed.data());
}

void TileDecoder::Scratch::read_signs(std::size_t from) {
    const std::byte* signs = tile.data() + from;
    const std::size_t changes = header.changes();
    for (std::size_t change = 0; change < changes; ++change) {
        const bool grows = (static_cast<unsigned>(signs[change / 8]) >> (change % 8) & 1) != 0;
        steps[change] = grows ? 1u : ~0u;
    }
}

// Multiplies the signs by the lengths of the steps. Returns the byte after their codes.
std::optional<std::size_t> TileDecoder::Scratch::read_lengths(std::size_t from) {
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
bool TileDecoder::Scratch::read_exceptions(std::size_t from, std::span<const std::byte> words,
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

Result<Done> TileDecoder::Scratch::read(std::span<const std::byte> bytes,
                                        std::span<const std::byte> words, std::size_t word_bytes,
                                        const ExponentClasses& classes,
                                        const CompactKernels& kernels) {
    if (bytes.size() > 1 + words.size()) return corrupt("longer than its words");
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

std::span<const std::uint16_t> TileDecoder::Scratch::sort_positions() {
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

TileDecoder::TileDecoder(const CompactKernels& kernels)
    : kernels_(kernels), scratch_(std::make_unique<Scratch>()) {}

TileDecoder::~TileDecoder() = default;

namespace {

bool is_raw(std::span<const std::byte> tile) {
    return tile[0] == static_cast<std::byte>(TileMode::raw);
}

// All words are given; those that differ are the changes.
template <class Word>
void list_raw(const std::byte* after, std::span<const std::byte> words, TileChanges& changes) {
    for (std::size_t offset = 0; offset < words.size(); offset += sizeof(Word)) {
        const Word old = load_word<Word>(words.data() + offset);
        const Word next = load_word<Word>(after + offset);
        if (old == next) continue;
        changes.positions.push_back(static_cast<std::uint16_t>(offset / sizeof(Word)));
        changes.before.push_back(old);
        changes.after.push_back(next);
    }
}

}  // namespace

Result<Done> TileDecoder::decode(std::span<const std::byte> tile, std::span<const std::byte> words,
                                 std::size_t word_bytes, const ExponentClasses& classes,
                                 TileChanges& changes) {
    require(words.size() <= kTileWords * word_bytes, "words are one tile's");
    changes = TileChanges{};
    if (tile.empty()) return Done{};
    if (is_raw(tile)) {
        if (tile.size() != 1 + words.size()) return corrupt("not all of its words");
        with_word_type(word_bytes, [&](auto type) {
            list_raw<decltype(type)>(tile.data() + 1, words, changes);
        });
        return Done{};
    }
    const Result<Done> sound = scratch_->read(tile, words, word_bytes, classes, kernels_);
    if (!sound) return sound.error();
    const std::span<const std::uint16_t> ascending = scratch_->sort_positions();
    const std::size_t count = scratch_->header.changes();
    if (ascending.size() != count) return corrupt("a position comes twice");
    changes.positions.assign(ascending.begin(), ascending.end());
    changes.before.resize(count);
    changes.after.resize(count);
    return with_word_type(word_bytes, [&](auto type) -> Result<Done> {
        using Word = decltype(type);
        bool all_change = true;
        for (std::size_t index = 0; index < count; ++index) {
            const std::size_t position = ascending[index];
            const std::uint32_t step = scratch_->steps[scratch_->change_at[position]];
            const auto before = load_word<Word>(words.data() + position * sizeof(Word));
            changes.before[index] = before;
            changes.after[index] = static_cast<Word>(before + step);
            all_change &= static_cast<Word>(step) != 0;
        }
        if (!all_change) return corrupt("a listed word does not change");
        return Done{};
    });
}

Result<Done> TileDecoder::patch(std::span<const std::byte> tile, std::span<std::byte> words,
                                std::size_t word_bytes, const ExponentClasses& classes) {
    require(words.size() <= kTileWords * word_bytes, "words are one tile's");
    if (tile.empty()) return Done{};
    if (is_raw(tile)) {
        if (tile.size() != 1 + words.size()) return corrupt("not all of its words");
        std::memcpy(words.data(), tile.data() + 1, words.size());
        return Done{};
    }
    const Result<Done> sound = scratch_->read(tile, words, word_bytes, classes, kernels_);
    if (!sound) return sound.error();
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        const std::size_t changes = scratch_->header.changes();
        for (std::size_t change = 0; change < changes; ++change) {
            std::byte* word = words.data() + scratch_->positions[change] * sizeof(Word);
            store_word(word, static_cast<Word>(load_word<Word>(word) + scratch_->steps[change]));
        }
    });
    return Done{};
}

}  // namespace dws
