#include "trainer_bridge/live_line.h"

#include <algorithm>

namespace dws {

bool AbandonedVersions::hold(std::int64_t version) const {
    return std::ranges::any_of(ranges_, [&](const auto& range) {
        return version >= range.first && version <= range.second;
    });
}

bool AbandonedVersions::sampled(const GameGroup& group) const {
    if (ranges_.empty()) return false;
    return std::ranges::any_of(group.games, [&](const Game& game) {
        return std::ranges::any_of(game.versions,
                                   [&](std::int64_t version) { return hold(version); });
    });
}

void LiveLine::add(Record record) {
    if (record.is_rollback) abandon_after(record.trainer_step);
    const bool is_version = record.kind == RecordKind::anchor || record.kind == RecordKind::delta;
    if (is_version) versions_.push_back({record.version, record.trainer_step});
    if (record.sequence < keep_from_) return;
    record.objects = {};
    records_.push_back(std::move(record));
}

void LiveLine::abandon_after(std::int64_t trainer_step) {
    if (!versions_.empty() && versions_.back().trainer_step > trainer_step) {
        const std::int64_t last = versions_.back().version;
        std::int64_t first = last;
        while (!versions_.empty() && versions_.back().trainer_step > trainer_step) {
            first = versions_.back().version;
            versions_.pop_back();
        }
        abandoned_.add(first, last);
    }
    while (!records_.empty() && records_.back().trainer_step > trainer_step) records_.pop_back();
}

std::optional<LiveLine::Place> LiveLine::find(std::uint64_t first, std::int64_t trainer_step,
                                              const Digest& digest) const {
    const auto fits = [&](const Record& record) {
        return record.version >= 0 && record.sequence >= first &&
               record.trainer_step == trainer_step && record.digest == digest;
    };
    const auto found = std::find_if(records_.rbegin(), records_.rend(), fits);
    if (found == records_.rend()) return std::nullopt;
    Place place;
    for (auto record = found.base(); record != records_.end(); ++record) {
        place.later.push_back(&*record);
    }
    return place;
}

}  // namespace dws
