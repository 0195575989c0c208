#include "trainer_bridge/games_ledger.h"

#include <iterator>

#include "base/require.h"

namespace dws {

void GamesLedger::note(const std::string& worker, std::int64_t number, Verdict verdict) {
    const auto expected = next_.find(worker);
    require(expected == next_.end() || expected->second == number,
            "the inbox hands out each worker's groups in order");
    next_[worker] = number + 1;
    totals_[verdict] += 1;

    auto [entry, is_first] = noted_.try_emplace(worker);
    GamesConsumed& games = entry->second;
    if (is_first) {
        games.worker = worker;
        games.first = number;
    }
    games.next = number + 1;
    if (verdict == Verdict::trained) trained_.emplace_back(worker, number);
    if (verdict == Verdict::skipped) games.skipped.push_back(number);
    if (verdict == Verdict::stale || verdict == Verdict::surplus) games.stale.push_back(number);
    if (verdict == Verdict::refused) games.refused.push_back(number);
}

GamesLedger::Decided GamesLedger::take() {
    Decided decided;
    for (const auto& [worker, number] : trained_) {
        const auto place = std::distance(noted_.begin(), noted_.find(worker));
        add_group(decided.trained, static_cast<std::uint64_t>(place), number);
    }
    for (auto& [worker, consumed] : noted_) decided.games.push_back(std::move(consumed));
    noted_.clear();
    trained_.clear();
    return decided;
}

std::int64_t GamesLedger::total(Verdict verdict) const {
    const auto found = totals_.find(verdict);
    return found == totals_.end() ? 0 : found->second;
}

}  // namespace dws
