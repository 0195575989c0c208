// The next tile's words, asked from memory a few lines at a time while a tile's changes are coded:
// memory would be idle meanwhile. Takes 5 % off encoding X from two buffers, 2 % off F
// (experiments/wire).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "sync/codec/compact_kernels.h"

namespace dws {

// A core has about so many on the way at once; the next one asked for waits.
inline constexpr std::size_t kLinesOnTheWay = 16;

class LinesAhead {
public:
    LinesAhead() = default;  // nothing is asked for
    // before, after: a tile's words; those of the next stand behind them.
    LinesAhead(std::span<const std::byte> before, std::span<const std::byte> after)
        : sides_{before.data() + before.size(), after.data() + after.size()},
          stream_bytes_(before.size() / kTileStreams),
          end_(before.size() / kLineBytes * sides_.size()) {}

    // From either side and from the kernels' streams in turn, as find_and_classify() will read.
    void ask(std::size_t lines) {
        for (const std::size_t end = std::min(end_, next_ + lines); next_ < end; ++next_) {
            const std::size_t stream = next_ / sides_.size() % kTileStreams;
            const std::size_t line = next_ / sides_.size() / kTileStreams;
            __builtin_prefetch(
                sides_[next_ % sides_.size()] + stream * stream_bytes_ + line * kLineBytes, 0, 2);
        }
    }

private:
    static constexpr std::size_t kLineBytes = 64;  // of cache

    std::array<const std::byte*, 2> sides_{};
    std::size_t stream_bytes_ = 0;
    std::size_t end_ = 0;  // lines
    std::size_t next_ = 0;
};

}  // namespace dws
