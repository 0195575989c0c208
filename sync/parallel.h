// Independent pieces of work on several threads, the calling one among them. Returns when all are
// done. The pieces are handed out one by one, so a slow one does not hold up the rest.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace dws {

// work(thread, index): thread is below `threads`, index below `pieces`; no two calls share an
// index, and calls with the same thread follow one another.
template <class Work>
void for_each_piece(std::size_t threads, std::size_t pieces, Work work) {
    std::atomic<std::size_t> next{0};
    const auto run = [&](std::size_t thread) {
        for (std::size_t index = next++; index < pieces; index = next++) work(thread, index);
    };
    std::vector<std::jthread> helpers;
    for (std::size_t thread = 1; thread < threads; ++thread) {
        helpers.emplace_back([&run, thread] { run(thread); });
    }
    run(0);
}

}  // namespace dws
