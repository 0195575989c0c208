#include "sync/codec/compact_classes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "sync/words.h"

namespace dws {

namespace {

// Costs are integers, in 2^-16 bits, so that all machines choose the same thresholds.
constexpr unsigned kFraction = 16;
constexpr std::uint64_t kBit = std::uint64_t{1} << kFraction;

// A section's count, Rice and Golomb fields and its share of the rounding up, per tile.
constexpr std::uint64_t kSectionBits = 17 * kBit;
// What a Rice code spends on a position above the entropy: 0.03 bits.
constexpr std::uint64_t kRiceExcess = 3 * kBit / 100;

// log2(1 + index / 256): square 16 times, and each time the square passes 2 is a bit of it.
constexpr std::array<std::uint32_t, 257> kLogarithms = [] {
    std::array<std::uint32_t, 257> logarithms{};
    for (std::uint64_t index = 0; index < 256; ++index) {
        std::uint64_t square = (256 + index) << 23;  // 1 is 2^31
        for (unsigned bit = 0; bit < kFraction; ++bit) {
            square = square * square >> 31;
            const bool passes = square >= std::uint64_t{1} << 32;
            logarithms[index] = logarithms[index] << 1 | std::uint32_t{passes};
            if (passes) square >>= 1;
        }
    }
    logarithms[256] = kBit;
    return logarithms;
}();

// number: 1 to 2^40. Linear between the table's entries: off by less than 2^-15.
std::uint64_t log2_of(std::uint64_t number) {
    const auto whole = static_cast<unsigned>(std::bit_width(number)) - 1;
    const std::uint64_t mantissa = number << (40 - whole);  // 1 is 2^40
    const std::size_t index = (mantissa >> 32) & 0xff;
    const std::uint64_t rest = (mantissa >> 16) & 0xffff;
    const std::uint64_t span = kLogarithms[index + 1] - kLogarithms[index];
    return (std::uint64_t{whole} << kFraction) + kLogarithms[index] + (span * rest >> 16);
}

// What names `changed` of `words` words when each is as likely: the entropy, and what a Rice code
// spends above it. words: at most 2^40.
std::uint64_t position_cost(std::uint64_t words, std::uint64_t changed) {
    if (changed == 0 || words == 0) return 0;
    changed = std::min(changed, words);
    const std::uint64_t all = log2_of(words);
    const std::uint64_t rest = words - changed;
    return changed * (kRiceExcess + all - log2_of(changed)) +
           (rest == 0 ? 0 : rest * (all - log2_of(rest)));
}

// Sums of the histogram below each key.
struct Sums {
    std::array<std::uint64_t, 257> words{};
    std::array<std::uint64_t, 257> changed{};

    explicit Sums(const KeyHistogram& histogram) {
        for (std::size_t key = 0; key < 256; ++key) {
            words[key + 1] = words[key] + histogram.words[key];
            changed[key + 1] = changed[key] + histogram.changed[key];
        }
    }
    std::uint64_t section(std::size_t from, std::size_t to) const {
        return position_cost(words[to] - words[from], changed[to] - changed[from]);
    }
    // The last section's positions are flat: all words lie between its changes.
    std::uint64_t last_section(std::size_t from) const {
        return position_cost(words[256], changed[256] - changed[from]);
    }
};

// A quarter of the words, in runs of a cache line or more: enough to choose by.
constexpr std::size_t kRunWords = 64;
constexpr std::size_t kRunDistance = 4 * kRunWords;
// Neighbours often have the same key: counted in one place, each would wait for the one before.
constexpr std::size_t kCounters = 4;

// The runs stand too far apart for the processor to see the next ones coming.
void prefetch_run(const std::byte* from, std::size_t word_bytes) {
    for (std::size_t line = 0; line < word_bytes; ++line) __builtin_prefetch(from + 64 * line);
}

// Where cutting can pay: before all keys, and behind each that a word has.
std::vector<std::size_t> useful_cuts(const KeyHistogram& histogram) {
    std::vector<std::size_t> cuts{0};
    for (std::size_t key = 0; key < 255; ++key) {
        if (histogram.words[key] > 0) cuts.push_back(key + 1);
    }
    return cuts;
}

}  // namespace

void count_keys(const std::byte* before, const std::byte* after, std::size_t words,
                std::size_t word_bytes, KeyHistogram& histogram) {
    if (std::memcmp(before, after, words * word_bytes) == 0) return;
    std::array<std::array<std::uint32_t, 256>, kCounters> counts{};
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        for (std::size_t run = 0; run < words; run += kRunDistance) {
            const std::size_t end = std::min(run + kRunWords, words);
            prefetch_run(before + (run + 2 * kRunDistance) * sizeof(Word), sizeof(Word));
            prefetch_run(after + (run + 2 * kRunDistance) * sizeof(Word), sizeof(Word));
            for (std::size_t position = run; position < end; ++position) {
                const auto old = load_word<Word>(before + position * sizeof(Word));
                const auto key =
                    static_cast<std::uint8_t>(std::uint32_t{old} << 1 >> (8 * sizeof(Word) - 8));
                ++counts[position % kCounters][key];
                if (old != load_word<Word>(after + position * sizeof(Word))) [[unlikely]]
                    ++histogram.changed[key];
            }
        }
    });
    for (const std::array<std::uint32_t, 256>& part : counts) {
        for (std::size_t key = 0; key < 256; ++key) histogram.words[key] += part[key];
    }
    ++histogram.tiles;
}

KeyHistogram& KeyHistogram::operator+=(const KeyHistogram& other) {
    for (std::size_t key = 0; key < words.size(); ++key) {
        words[key] += other.words[key];
        changed[key] += other.changed[key];
    }
    tiles += other.tiles;
    return *this;
}

// cost[n][i]: the least for the keys below cut i in n classes.
ExponentClasses choose_classes(const KeyHistogram& histogram) {
    const Sums sums(histogram);
    const std::vector<std::size_t> cuts = useful_cuts(histogram);
    // A quarter of the words was counted.
    const std::uint64_t per_section = kSectionBits / 4 * histogram.tiles;
    constexpr std::uint64_t kUnreached = UINT64_MAX / 2;  // and a section's cost is no overflow
    std::vector cost(kMaxThresholds + 1, std::vector<std::uint64_t>(cuts.size(), kUnreached));
    std::vector previous(kMaxThresholds + 1, std::vector<std::size_t>(cuts.size(), 0));
    cost[0][0] = 0;
    for (std::size_t to = 1; to < cuts.size(); ++to) {
        for (std::size_t from = 0; from < to; ++from) {
            const std::uint64_t section = sums.section(cuts[from], cuts[to]) + per_section;
            for (std::size_t count = 1; count <= kMaxThresholds; ++count) {
                const std::uint64_t bits = cost[count - 1][from] + section;
                if (bits >= cost[count][to]) continue;
                cost[count][to] = bits;
                previous[count][to] = from;
            }
        }
    }
    std::uint64_t best = UINT64_MAX;
    std::size_t best_count = 0;
    std::size_t best_cut = 0;
    for (std::size_t count = 0; count <= kMaxThresholds; ++count) {
        for (std::size_t cut = 0; cut < cuts.size(); ++cut) {
            const std::uint64_t total =
                cost[count][cut] + sums.last_section(cuts[cut]) + per_section;
            if (total >= best) continue;
            best = total;
            best_count = count;
            best_cut = cut;
        }
    }
    ExponentClasses classes;
    classes.count = best_count;
    classes.thresholds.fill(static_cast<std::uint8_t>(cuts[best_cut]));
    for (std::size_t count = best_count; count > 0; best_cut = previous[count][best_cut], --count) {
        classes.thresholds[count - 1] = static_cast<std::uint8_t>(cuts[best_cut]);
    }
    return classes;
}

}  // namespace dws
