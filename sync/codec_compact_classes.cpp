#include "sync/codec_compact_classes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "sync/words.h"

namespace dws {

namespace {

// A section's count, Rice and Golomb fields and its share of the rounding up, per tile.
constexpr double kSectionBits = 17;

// Bits that name `changed` of `words` words when each is as likely: the entropy, and what a Rice
// code spends above it.
double position_bits(double words, double changed) {
    if (changed <= 0 || words <= 0) return 0;
    const double share = std::min(changed / words, 1.0);
    const double rest = share < 1 ? -(words - changed) * std::log2(1 - share) : 0;
    return changed * (0.03 - std::log2(share)) + rest;
}

// Sums of the histogram below each key.
struct Sums {
    std::array<double, 257> words{};
    std::array<double, 257> changed{};

    explicit Sums(const KeyHistogram& histogram) {
        for (std::size_t key = 0; key < 256; ++key) {
            words[key + 1] = words[key] + static_cast<double>(histogram.words[key]);
            changed[key + 1] = changed[key] + static_cast<double>(histogram.changed[key]);
        }
    }
    double section(std::size_t from, std::size_t to) const {
        return position_bits(words[to] - words[from], changed[to] - changed[from]);
    }
    // The last section's positions are flat: all words lie between its changes.
    double last_section(std::size_t from) const {
        return position_bits(words[256], changed[256] - changed[from]);
    }
};

// A quarter of the words, in runs of a cache line or more: enough to choose by.
std::size_t next_sample(std::size_t position) {
    constexpr std::size_t kRun = 64;
    return (position + 1) % kRun == 0 ? 3 * kRun + 1 : 1;
}

}  // namespace

void count_keys(const std::byte* before, const std::byte* after, std::size_t words,
                std::size_t word_bytes, KeyHistogram& histogram) {
    if (std::memcmp(before, after, words * word_bytes) == 0) return;
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        for (std::size_t position = 0; position < words; position += next_sample(position)) {
            const auto old = load_word<Word>(before + position * sizeof(Word));
            const auto key =
                static_cast<std::uint8_t>(std::uint32_t{old} << 1 >> (8 * sizeof(Word) - 8));
            ++histogram.words[key];
            histogram.changed[key] += old != load_word<Word>(after + position * sizeof(Word));
        }
    });
    ++histogram.tiles;
}

// cost[n][k]: the fewest bits of the keys below k in n classes; 256 * 256 * 7 steps at most.
ExponentClasses choose_classes(const KeyHistogram& histogram) {
    const Sums sums(histogram);
    // A quarter of the words was counted.
    const double per_section = kSectionBits / 4 * static_cast<double>(histogram.tiles);
    constexpr double kUnreached = std::numeric_limits<double>::infinity();
    std::vector cost(kMaxThresholds + 1, std::vector<double>(256, kUnreached));
    std::vector cut(kMaxThresholds + 1, std::vector<std::size_t>(256, 0));
    cost[0][0] = 0;
    double best = sums.last_section(0) + per_section;
    std::size_t best_count = 0;
    std::size_t best_key = 0;
    for (std::size_t count = 1; count <= kMaxThresholds; ++count) {
        for (std::size_t to = count; to < 256; ++to) {
            for (std::size_t from = count - 1; from < to; ++from) {
                if (cost[count - 1][from] == kUnreached) continue;
                const double bits = cost[count - 1][from] + sums.section(from, to) + per_section;
                if (bits >= cost[count][to]) continue;
                cost[count][to] = bits;
                cut[count][to] = from;
            }
            const double total = cost[count][to] + sums.last_section(to) + per_section;
            if (total >= best) continue;
            best = total;
            best_count = count;
            best_key = to;
        }
    }
    ExponentClasses classes;
    classes.count = best_count;
    classes.thresholds.fill(static_cast<std::uint8_t>(best_key));
    for (std::size_t count = best_count; count > 0; best_key = cut[count][best_key], --count) {
        classes.thresholds[count - 1] = static_cast<std::uint8_t>(best_key);
    }
    return classes;
}

}  // namespace dws
