#include "sync/version_history.h"

#include <utility>

namespace dws {

void VersionHistory::add(Record record) {
    if (record.kind != RecordKind::anchor && record.kind != RecordKind::delta) return;
    record.games = {};
    versions_.push_back(std::move(record));
}

void VersionHistory::forget_before(std::int64_t held) {
    const Record* anchor = newest_anchor(-1, held);
    if (anchor == nullptr) return;
    const std::int64_t first = anchor->version;
    while (versions_.front().version < first) versions_.pop_front();
}

const Record* VersionHistory::next_after(std::int64_t held, std::int64_t limit) const {
    if (held < 0) return newest_anchor(-1, limit);
    for (const Record& record : versions_)
        if (record.version > held) return record.version <= limit ? &record : nullptr;
    return nullptr;
}

const Record* VersionHistory::oldest_anchor() const {
    for (const Record& record : versions_)
        if (record.kind == RecordKind::anchor) return &record;
    return nullptr;
}

const Record* VersionHistory::newest_anchor(std::int64_t after, std::int64_t limit) const {
    for (auto record = versions_.rbegin(); record != versions_.rend(); ++record) {
        const bool is_within = record->version > after && record->version <= limit;
        if (is_within && record->kind == RecordKind::anchor) return &*record;
    }
    return nullptr;
}

std::vector<const Record*> VersionHistory::road_to(std::int64_t version) const {
    const Record* anchor = newest_anchor(-1, version);
    std::vector<const Record*> road;
    for (const Record& record : versions_)
        if (anchor != nullptr && record.version >= anchor->version && record.version <= version)
            road.push_back(&record);
    return road;
}

}  // namespace dws
