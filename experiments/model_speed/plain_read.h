// Reading the weights and nothing else: what a decoding step is held against, since it has to read
// every word once.
#pragma once

#include <cstdint>
#include <span>

#include "model/weights.h"

namespace dws {

// How far ahead of the sum memory is asked for; 0: only the processor's own prefetching. Which of
// the two is faster depends on the machine and on the number of threads.
inline constexpr std::size_t kReadAheadBytes[] = {0, 4096};

// The sum of the words, read by `threads` threads at once. Takes as long as memory takes: adding
// needs a tenth of that.
std::uint64_t sum_of_words(std::span<const Bf16> words, int threads, std::size_t ahead_bytes);

}  // namespace dws
