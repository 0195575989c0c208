// Independent pieces of work on several threads, the calling one among them. Returns when all are
// done. A thread's pieces are neighbours, so that what it reads ahead is its own; whoever is done
// first takes from the end of another's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "base/require.h"

namespace dws {

// Every piece once, whoever asks.
class PieceRanges {
public:
    PieceRanges(std::size_t threads, std::size_t pieces) : ranges_(threads) {
        require(threads >= 1, "somebody takes the pieces");
        require(pieces <= UINT32_MAX, "both ends of a range fit one word");
        for (std::size_t thread = 0; thread < threads; ++thread) {
            ranges_[thread] = packed(pieces * thread / threads, pieces * (thread + 1) / threads);
        }
    }

    // Empty once all are taken.
    std::optional<std::size_t> take(std::size_t thread) {
        if (const auto own = take_one(ranges_[thread], true)) return own;
        for (std::size_t step = 1; step < ranges_.size(); ++step) {
            const auto others = take_one(ranges_[(thread + step) % ranges_.size()], false);
            if (others) return others;
        }
        return std::nullopt;
    }

private:
    // From begin to end, one word so that owner and thief agree.
    using Range = std::uint64_t;

    static Range packed(std::size_t begin, std::size_t end) { return Range{begin} << 32 | end; }

    static std::optional<std::size_t> take_one(std::atomic<Range>& range, bool is_first) {
        Range seen = range.load(std::memory_order_relaxed);
        while (true) {
            const std::size_t begin = seen >> 32;
            const std::size_t end = seen & UINT32_MAX;
            if (begin == end) return std::nullopt;
            const Range rest = is_first ? packed(begin + 1, end) : packed(begin, end - 1);
            if (range.compare_exchange_weak(seen, rest, std::memory_order_relaxed)) {
                return is_first ? begin : end - 1;
            }
        }
    }

    std::vector<std::atomic<Range>> ranges_;  // (threads,)
};

// work(thread, index): thread is below `threads`, index below `pieces`; no two calls share an
// index, and calls with the same thread follow one another. It does not throw.
template <class Work>
void for_each_piece(std::size_t threads, std::size_t pieces, Work work) {
    if (pieces == 0) return;
    threads = std::min(threads, pieces);
    PieceRanges ranges(threads, pieces);
    const auto run = [&](std::size_t thread) {
        while (const auto index = ranges.take(thread)) work(thread, *index);
    };
    std::vector<std::jthread> helpers;
    for (std::size_t thread = 1; thread < threads; ++thread) {
        helpers.emplace_back([&run, thread] { run(thread); });
    }
    run(0);
}

}  // namespace dws
