// How long work takes, beside a plain copy of the same weights. What is compared is timed in turn,
// round by round, since the machine's memory is rarely ours alone; medians over the rounds.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "experiments/wire/wire_format.h"

namespace dws {

// wall_s: what passed. cpu_s: the busiest thread's time on a processor, which is what wall_s would
// be were the processors ours alone.
struct Timing {
    double wall_s = 0;
    double cpu_s = 0;

    Timing& operator+=(const Timing& other);
};

// threads: how many the work shares itself among, the calling one included.
Timing time_of(std::size_t threads, const std::function<void()>& work);
// By each of the two separately. Not empty.
Timing median(std::vector<Timing> timings);

// to, from: of one size.
void copy_words(std::span<const std::byte> from, std::span<std::byte> to, std::size_t threads);

// [0]: one thread; [1]: two.
struct FormatTimings {
    Timing copy[2], encode[2], patch[2];

    FormatTimings& operator+=(const FormatTimings& other);
};

// Throws std::runtime_error when the words that come back differ from the pair's in any bit, in
// the first round or the last. words: working memory of the size of the pair's buffers.
FormatTimings measure(const VersionPair& pair, WireFormat& format, std::size_t rounds,
                      Bytes& words);

}  // namespace dws
