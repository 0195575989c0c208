#include "sync/codec/compact_plan.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/require.h"
#include "sync/codec/bit_stream.h"
#include "sync/codec/compact_codes.h"
#include "sync/words.h"

namespace dws {

namespace {

std::uint32_t length_of(std::int32_t step) { return static_cast<std::uint32_t>(std::abs(step)); }

// Fields that fit into one write together.
constexpr std::size_t kFieldsAtOnce = 4;

void write_remainders(std::span<const std::uint32_t> gaps, unsigned rice, BitWriter& bits) {
    const std::uint64_t mask = (std::uint64_t{1} << rice) - 1;
    std::size_t index = 0;
    if (kFieldsAtOnce * rice <= kMaxFieldBits) {
        for (; index + kFieldsAtOnce <= gaps.size(); index += kFieldsAtOnce) {
            const std::uint64_t upper = (gaps[index + 3] & mask) << rice | (gaps[index + 2] & mask);
            const std::uint64_t lower = (gaps[index + 1] & mask) << rice | (gaps[index] & mask);
            bits.put(upper << 2 * rice | lower, 4 * rice);
        }
    }
    for (; index < gaps.size(); ++index) bits.put(gaps[index] & mask, rice);
}

void write_quotients(std::span<const std::uint32_t> gaps, unsigned rice, BitWriter& bits) {
    std::size_t index = 0;
    for (; index + kFieldsAtOnce <= gaps.size(); index += kFieldsAtOnce) {
        const std::uint64_t end_0 = gaps[index] >> rice;
        const std::uint64_t end_1 = end_0 + 1 + (gaps[index + 1] >> rice);
        const std::uint64_t end_2 = end_1 + 1 + (gaps[index + 2] >> rice);
        const std::uint64_t end_3 = end_2 + 1 + (gaps[index + 3] >> rice);
        if (end_3 >= kMaxFieldBits) [[unlikely]] {
            for (std::size_t field = 0; field < kFieldsAtOnce; ++field) {
                bits.put_unary(gaps[index + field] >> rice);
            }
            continue;
        }
        constexpr std::uint64_t kOne = 1;
        bits.put(kOne << end_0 | kOne << end_1 | kOne << end_2 | kOne << end_3,
                 static_cast<unsigned>(end_3) + 1);
    }
    for (; index < gaps.size(); ++index) bits.put_unary(gaps[index] >> rice);
}

// One bit per step: 1 where the word grows.
void write_signs(std::span<const std::int32_t> steps, BitWriter& bits) {
    constexpr std::size_t kGroup = 32;
    std::size_t first = 0;
    for (; first + kGroup <= steps.size(); first += kGroup) {
        std::uint32_t signs = 0;  // no early end: the compiler makes vectors of this
        for (std::size_t index = 0; index < kGroup; ++index) {
            signs |= std::uint32_t{steps[first + index] > 0} << index;
        }
        bits.put(signs, kGroup);
    }
    for (; first < steps.size(); ++first) bits.put(steps[first] > 0, 1);
}

}  // namespace

void TilePlan::begin(TileMode mode, std::span<const std::uint32_t> counts) {
    header_ = TileHeader{.mode = mode, .section_count = counts.size()};
    for (std::size_t index = 0; index < counts.size(); ++index) {
        header_.sections[index].changes = counts[index];
    }
    require(header_.changes() <= kTileWords, "a tile has no more changes than words");
    exceptions_.clear();
    list_gaps_.clear();
    list_excess_.clear();
    list_end_ = 0;
    listable_ = 0;
}

void TilePlan::set_exception(std::size_t index, std::uint32_t word) {
    steps_[index] = 1;  // the shortest code; the exception overrides it
    exceptions_.push_back(Exception{static_cast<std::uint16_t>(index), word});
}

// Either every step of the section has its exp-Golomb code, or the few that are not 1 are listed.
void TilePlan::choose_steps(Section& section, std::size_t first) {
    const std::span steps = std::span(steps_).subspan(first, section.changes);
    std::uint32_t* long_steps = long_steps_.data();
    std::uint32_t long_count = 0;
    for (std::size_t index = 0; index < steps.size(); ++index) {
        long_steps[long_count] = static_cast<std::uint32_t>(index);  // kept when it is long
        long_count += length_of(steps[index]) != 1;
    }
    const std::uint32_t listable = listable_;
    section.golomb = kListedSteps;
    listable_ += section.changes;
    if (long_count == 0) return;
    LengthHistogram listed{}, all{};
    all[0] = section.changes - long_count;
    for (const std::uint32_t index : std::span(long_steps, long_count)) {
        const std::uint32_t length = length_of(steps[index]);
        ++all[static_cast<std::size_t>(std::bit_width(length - 1))];
        ++listed[static_cast<std::size_t>(std::bit_width(length - 2))];
    }
    const auto place_bits =
        static_cast<std::uint64_t>(std::bit_width(section.changes / long_count)) + 1;
    const GolombChoice of_all = choose_golomb(all);
    const GolombChoice of_listed = choose_golomb(listed);
    if (of_all.cost < of_listed.cost + 16 * place_bits * long_count) {
        section.golomb = of_all.order;
        listable_ = listable;
        return;
    }
    for (const std::uint32_t index : std::span(long_steps, long_count)) {
        list_gaps_.push_back(listable + index - list_end_);
        list_excess_.push_back(length_of(steps[index]) - 2);
        list_end_ = listable + index + 1;
    }
}

template <class Visit>
void TilePlan::for_each_run(Visit visit) const {
    std::size_t first = 0;
    for (std::size_t index = 0; index < header_.section_count; ++index) {
        const Section& section = header_.sections[index];
        visit(std::span(gaps_).subspan(first, section.changes), section.rice);
        first += section.changes;
    }
    visit(std::span(list_gaps_), header_.list.rice);
}

template <class Visit>
void TilePlan::for_each_code(Visit visit) const {
    std::size_t first = 0;
    for (std::size_t index = 0; index < header_.section_count; ++index) {
        const Section& section = header_.sections[index];
        const std::size_t end = first + section.changes;
        if (section.golomb != kListedSteps) {
            for (std::size_t change = first; change < end; ++change) {
                visit(GolombCode(length_of(steps_[change]) - 1, section.golomb));
            }
        }
        first = end;
    }
    for (const std::uint32_t excess : list_excess_) visit(GolombCode(excess, header_.list.golomb));
}

std::size_t TilePlan::finish(std::size_t word_bytes, LinesAhead& ahead) {
    std::size_t changes = 0;
    std::size_t remainder_bits = 0;
    std::size_t quotient_bits = 0;
    const auto choose_gaps = [&](std::span<const std::uint32_t> gaps, Section& section) {
        const RiceChoice choice = choose_rice(gaps);
        section.rice = choice.rice;
        remainder_bits += choice.rice * gaps.size();
        quotient_bits += choice.quotient_bits;
    };
    for (std::size_t index = 0; index < header_.section_count; ++index) {
        Section& section = header_.sections[index];
        if (section.changes == 0) continue;
        ahead.ask(kLinesOnTheWay);
        choose_gaps(std::span(gaps_).subspan(changes, section.changes), section);
        choose_steps(section, changes);
        changes += section.changes;
    }
    header_.list.changes = static_cast<std::uint32_t>(list_gaps_.size());
    if (!list_gaps_.empty()) {
        LengthHistogram lengths{};
        for (const std::uint32_t excess : list_excess_) {
            ++lengths[static_cast<std::size_t>(std::bit_width(excess))];
        }
        header_.list.golomb = choose_golomb(lengths).order;
        choose_gaps(list_gaps_, header_.list);
    }
    header_.exceptions = static_cast<std::uint32_t>(exceptions_.size());
    std::size_t prefix_bits = 0;
    std::size_t suffix_bits = 0;
    for_each_code([&](const GolombCode& code) {
        prefix_bits += code.extra_bits + 1;
        suffix_bits += code.suffix_bits;
    });
    bytes_ = bytes_for(header_bits(header_)) + bytes_for(remainder_bits) + bytes_for(changes) +
             exceptions_.size() * (2 + word_bytes) + bytes_for(quotient_bits) +
             bytes_for(prefix_bits) + bytes_for(suffix_bits);
    return bytes_;
}

// The gaps' sum is known, and no remainder is above 2^r - 1: the quotients take what is left. Steps
// beyond one and the header count as nothing.
std::size_t TilePlan::fewest_flat_bytes(std::size_t word_bytes, std::size_t end) const {
    const std::size_t changes = header_.changes();
    const std::size_t gaps = end - changes;
    std::size_t fewest_bits = SIZE_MAX;
    for (unsigned rice = 0; rice <= kMaxRice; ++rice) {
        const std::size_t remainders = changes * ((std::size_t{1} << rice) - 1);
        const std::size_t quotients = gaps > remainders ? (gaps - remainders) >> rice : 0;
        fewest_bits = std::min(fewest_bits, changes * (rice + 1) + quotients);
    }
    return fewest_bits / 8 + bytes_for(changes) + exceptions_.size() * (2 + word_bytes);
}

void TilePlan::write(std::size_t word_bytes, LinesAhead& ahead, Bytes& out) const {
    const std::size_t start = out.size();
    out.resize(start + bytes_ + kBitSlackBytes);
    BitWriter bits(write_header(header_, out.data() + start));
    for_each_run([&](std::span<const std::uint32_t> gaps, unsigned rice) {
        ahead.ask(kLinesOnTheWay);
        write_remainders(gaps, rice, bits);
    });
    bits.finish();
    write_signs(std::span(steps_).first(header_.changes()), bits);
    std::byte* to = bits.finish();
    for (const Exception& exception : exceptions_) {
        store_word(to, exception.index);
        to += 2;
    }
    for (const Exception& exception : exceptions_) {
        std::memcpy(to, &exception.word, word_bytes);
        to += word_bytes;
    }
    bits = BitWriter(to);
    for_each_run([&](std::span<const std::uint32_t> gaps, unsigned rice) {
        ahead.ask(kLinesOnTheWay);
        write_quotients(gaps, rice, bits);
    });
    bits.finish();
    for_each_code([&](const GolombCode& code) { bits.put_unary(code.extra_bits); });
    bits.finish();
    for_each_code([&](const GolombCode& code) { bits.put(code.suffix, code.suffix_bits); });
    to = bits.finish();
    require(to == out.data() + start + bytes_, "finish() counts every byte that write() writes");
    out.resize(start + bytes_);
}

}  // namespace dws
