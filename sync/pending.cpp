#include "sync/pending.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/require.h"

namespace dws {
namespace {

void append(std::vector<std::int64_t>& held, const std::vector<std::int64_t>& later) {
    held.insert(held.end(), later.begin(), later.end());
}

void push_back(TileChanges& changes, std::uint16_t position, std::uint32_t before,
               std::uint32_t after) {
    if (before == after) return;  // the word came back: nothing changed
    changes.positions.push_back(position);
    changes.before.push_back(before);
    changes.after.push_back(after);
}

}  // namespace

// One walk over two ascending lists of positions.
void merge(TileChanges& held, const TileChanges& later) {
    require(held.before.size() == held.size() && later.before.size() == later.size(),
            "only changes whose old words are known can be merged");
    TileChanges merged;
    merged.positions.reserve(held.size() + later.size());
    merged.before.reserve(held.size() + later.size());
    merged.after.reserve(held.size() + later.size());
    std::size_t h = 0, l = 0;
    while (h < held.size() || l < later.size()) {
        const bool takes_held =
            h < held.size() && (l == later.size() || held.positions[h] <= later.positions[l]);
        const bool takes_later =
            l < later.size() && (h == held.size() || later.positions[l] <= held.positions[h]);
        const TileChanges& first = takes_held ? held : later;
        const TileChanges& last = takes_later ? later : held;
        const std::size_t at_first = takes_held ? h : l;
        const std::size_t at_last = takes_later ? l : h;
        push_back(merged, first.positions[at_first], first.before[at_first], last.after[at_last]);
        h += takes_held ? 1 : 0;
        l += takes_later ? 1 : 0;
    }
    // A merged tile may live through many steps: it keeps the memory of its words only.
    if (merged.positions.capacity() > 2 * merged.size()) {
        merged.positions.shrink_to_fit();
        merged.before.shrink_to_fit();
        merged.after.shrink_to_fit();
    }
    held = std::move(merged);
}

void merge(std::vector<GamesConsumed>& held, const std::vector<GamesConsumed>& later) {
    for (const GamesConsumed& games : later) {
        const auto same = std::find_if(held.begin(), held.end(), [&](const GamesConsumed& other) {
            return other.worker == games.worker;
        });
        if (same == held.end()) {
            held.push_back(games);
            continue;
        }
        require(same->next == games.first, "a worker's games are decided in order, without gaps");
        same->next = games.next;
        append(same->skipped, games.skipped);
        append(same->stale, games.stale);
        append(same->refused, games.refused);
    }
}

void Pending::merge(Pending later) {
    require(!is_rollback, "a rollback is committed before the next step is handed over");
    for (auto& [tile, tile_changes] : later.changes) {
        const auto [place, is_new] = changes.try_emplace(tile, std::move(tile_changes));
        if (is_new) continue;
        dws::merge(place->second, tile_changes);
        if (place->second.size() == 0) changes.erase(place);
    }
    dws::merge(games, later.games);
    append_steps(trained, games, later.trained, later.games);
    is_rollback = later.is_rollback;
    trainer_step = later.trainer_step;
    steps += later.steps;
}

}  // namespace dws
