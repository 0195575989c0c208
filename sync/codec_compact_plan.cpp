#include "sync/codec_compact_plan.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/require.h"
#include "sync/bit_stream.h"
#include "sync/codec_compact_codes.h"
#include "sync/words.h"

namespace dws {

namespace {

std::uint32_t length_of(std::int32_t step) { return static_cast<std::uint32_t>(std::abs(step)); }

void write_remainders(std::span<const std::uint32_t> gaps, unsigned rice, BitWriter& bits) {
    const std::uint64_t mask = (std::uint64_t{1} << rice) - 1;
    std::size_t index = 0;
    for (; index + 3 <= gaps.size(); index += 3) {  // three fields fit into one write
        const std::uint64_t third = gaps[index + 2] & mask;
        const std::uint64_t second = gaps[index + 1] & mask;
        bits.put((third << rice | second) << rice | (gaps[index] & mask), 3 * rice);
    }
    for (; index < gaps.size(); ++index) bits.put(gaps[index] & mask, rice);
}

// One bit per step: 1 where the word grows.
void write_signs(std::span<const std::int32_t> steps, BitWriter& bits) {
    constexpr std::size_t kGroup = 32;
    for (std::size_t first = 0; first < steps.size(); first += kGroup) {
        const std::size_t count = std::min(kGroup, steps.size() - first);
        std::uint64_t signs = 0;
        for (std::size_t index = 0; index < count; ++index) {
            signs |= std::uint64_t{steps[first + index] > 0} << index;
        }
        bits.put(signs, static_cast<unsigned>(count));
    }
}

}  // namespace

TilePlan::TilePlan() : gaps_(kTileWords), steps_(kTileWords) {}

void TilePlan::begin(TileMode mode, std::span<const std::uint32_t> counts) {
    header_ = TileHeader{.mode = mode, .section_count = counts.size()};
    for (std::size_t index = 0; index < counts.size(); ++index) {
        header_.sections[index].changes = counts[index];
    }
    require(header_.changes() <= kTileWords, "a tile has no more changes than words");
    exceptions_.clear();
}

void TilePlan::set_exception(std::size_t index, std::uint32_t word) {
    steps_[index] = 1;  // the shortest code; the exception overrides it
    exceptions_.push_back(Exception{static_cast<std::uint16_t>(index), word});
}

// Either every step of the section has its exp-Golomb code, or the few that are not 1 are listed.
void TilePlan::choose_steps(Section& section, std::size_t first) {
    const std::span steps = std::span(steps_).subspan(first, section.changes);
    std::uint32_t long_steps = 0;
    for (const std::int32_t step : steps) long_steps += length_of(step) != 1;
    section.golomb = kListedSteps;
    if (long_steps == 0) return;
    LengthHistogram listed{}, all{};
    all[0] = section.changes - long_steps;
    for (const std::int32_t step : steps) {
        const std::uint32_t length = length_of(step);
        if (length == 1) continue;
        ++all[static_cast<std::size_t>(std::bit_width(length - 1))];
        ++listed[static_cast<std::size_t>(std::bit_width(length - 2))];
    }
    const auto place_bits =
        static_cast<std::uint64_t>(std::bit_width(section.changes / long_steps)) + 1;
    const GolombChoice of_all = choose_golomb(all);
    const GolombChoice of_listed = choose_golomb(listed);
    if (of_all.cost < of_listed.cost + 16 * place_bits * long_steps) section.golomb = of_all.order;
}

void TilePlan::list_steps() {
    list_gaps_.clear();
    list_excess_.clear();
    LengthHistogram lengths{};
    std::uint32_t gap = 0;
    std::size_t first = 0;
    for (std::size_t index = 0; index < header_.section_count; ++index) {
        const Section& section = header_.sections[index];
        const std::span steps = std::span(steps_).subspan(first, section.changes);
        first += section.changes;
        if (section.golomb != kListedSteps) continue;
        for (const std::int32_t step : steps) {
            const std::uint32_t length = length_of(step);
            if (length == 1) {
                ++gap;
                continue;
            }
            list_gaps_.push_back(gap);
            list_excess_.push_back(length - 2);
            ++lengths[static_cast<std::size_t>(std::bit_width(length - 2))];
            gap = 0;
        }
    }
    header_.list.changes = static_cast<std::uint32_t>(list_gaps_.size());
    if (!list_gaps_.empty()) header_.list.golomb = choose_golomb(lengths).order;
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

std::size_t TilePlan::finish(std::size_t word_bytes) {
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
        choose_gaps(std::span(gaps_).subspan(changes, section.changes), section);
        choose_steps(section, changes);
        changes += section.changes;
    }
    list_steps();
    choose_gaps(list_gaps_, header_.list);
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

void TilePlan::write(std::size_t word_bytes, Bytes& out) const {
    const std::size_t start = out.size();
    out.resize(start + bytes_ + kBitSlackBytes);
    BitWriter bits(write_header(header_, out.data() + start));
    for_each_run([&](std::span<const std::uint32_t> gaps, unsigned rice) {
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
        for (const std::uint32_t gap : gaps) bits.put_unary(gap >> rice);
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
