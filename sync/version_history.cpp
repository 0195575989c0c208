#include "sync/version_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace dws {
namespace {

RoadPiece as_piece(const Record& record) {
    const bool is_anchor = record.kind == RecordKind::anchor;
    return {.base_version = is_anchor ? -1 : record.base_version,
            .version = record.version,
            .bytes = fetched_bytes(record),
            .record = &record};
}

}  // namespace

void VersionHistory::add(Record record, std::string stored_sha256) {
    if (record.kind != RecordKind::anchor && record.kind != RecordKind::delta) return;
    record.games = {};
    record.steps = {};
    versions_.push_back({.record = std::move(record), .stored_sha256 = std::move(stored_sha256)});
}

Result<Done> VersionHistory::add(const Jump& jump) {
    const Piece* target = logged(jump.version);
    const bool has_base = jump.base_version < 0 || logged(jump.base_version) != nullptr;
    if (target == nullptr || !has_base)
        return Error{Fault::missing,
                     fmt::format("a jump to version {}, which is not known here", jump.version)};
    const std::string why = jump_fault(jump, target->record, target->stored_sha256);
    if (!why.empty()) {
        refuse({.base_version = jump.base_version, .version = jump.version});
        return Error{Fault::untrusted, fmt::format("a jump to version {} {}", jump.version, why)};
    }
    Record record = jump.as_record();
    record.epoch = target->record.epoch;
    record.created_unix_s = target->record.created_unix_s;  // the version's age, not the jump's
    jumps_.emplace(Ends{jump.version, jump.base_version},
                   Piece{.record = std::move(record), .stored_sha256 = {}});
    return Done{};
}

bool VersionHistory::knows(const JumpEnds& ends) const {
    const Ends pair{ends.version, ends.base_version};
    return jumps_.contains(pair) || refused_.contains(pair);
}

void VersionHistory::forget_before(std::int64_t held) {
    const auto newest = std::find_if(versions_.rbegin(), versions_.rend(), [&](const Piece& piece) {
        return piece.record.version <= held && piece.record.kind == RecordKind::anchor;
    });
    if (newest != versions_.rend()) {
        const std::int64_t first = newest->record.version;
        while (versions_.front().record.version < first) versions_.pop_front();
    }
    // Of the jumps behind, the newest anchor may be the shortest way back to sound words.
    bool has_anchor = false;
    for (auto jump = jumps_.end(); jump != jumps_.begin();) {
        --jump;
        const bool is_behind = jump->first.first <= held;
        const bool is_kept = !is_behind || (jump->first.second < 0 && !has_anchor);
        if (is_behind && is_kept) has_anchor = true;
        if (!is_kept) jump = jumps_.erase(jump);
    }
    std::erase_if(refused_, [&](const Ends& ends) { return ends.first <= held; });
}

Road VersionHistory::road(std::int64_t held, std::int64_t target) const {
    const auto is_behind = [&](const Piece& piece) { return piece.record.version <= held; };
    std::vector<RoadPiece> pieces;
    for (auto piece = std::partition_point(versions_.begin(), versions_.end(), is_behind);
         piece != versions_.end() && piece->record.version <= target; ++piece)
        if (!piece->is_struck) pieces.push_back(as_piece(piece->record));
    for (const auto& [ends, piece] : jumps_)
        if (!piece.is_struck) pieces.push_back(as_piece(piece.record));
    std::ranges::stable_sort(pieces, {}, &RoadPiece::version);
    return cheapest_road(pieces, held, target);
}

void VersionHistory::strike(const Record& piece) {
    for (Piece& of_log : versions_)
        if (&of_log.record == &piece) of_log.is_struck = true;
    for (auto& [ends, jump] : jumps_)
        if (&jump.record == &piece) jump.is_struck = true;
}

void VersionHistory::forgive_all() {
    for (Piece& of_log : versions_) of_log.is_struck = false;
    for (auto& [ends, jump] : jumps_) jump.is_struck = false;
    refused_.clear();
}

bool VersionHistory::is_jump(const Record& piece) const {
    return std::any_of(jumps_.begin(), jumps_.end(),
                       [&](const auto& jump) { return &jump.second.record == &piece; });
}

std::int64_t VersionHistory::oldest_start() const {
    std::int64_t oldest = -1;
    const auto look_at = [&](const Piece& piece) {
        if (piece.is_struck || piece.record.kind != RecordKind::anchor) return;
        if (oldest < 0 || piece.record.version < oldest) oldest = piece.record.version;
    };
    for (const Piece& of_log : versions_) look_at(of_log);
    for (const auto& [ends, jump] : jumps_) look_at(jump);
    return oldest;
}

std::int64_t VersionHistory::oldest_version() const {
    return versions_.empty() ? -1 : versions_.front().record.version;
}

std::int64_t VersionHistory::newest_version(std::int64_t limit) const {
    const auto above =
        std::partition_point(versions_.begin(), versions_.end(),
                             [&](const Piece& piece) { return piece.record.version <= limit; });
    return above == versions_.begin() ? -1 : std::prev(above)->record.version;
}

const VersionHistory::Piece* VersionHistory::logged(std::int64_t version) const {
    const auto found =
        std::partition_point(versions_.begin(), versions_.end(),
                             [&](const Piece& piece) { return piece.record.version < version; });
    return found == versions_.end() || found->record.version != version ? nullptr : &*found;
}

}  // namespace dws
