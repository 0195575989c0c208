#include "sync/tool/run_check.h"

#include <fmt/format.h>

#include "sync/log_end.h"
#include "sync/run_table.h"

namespace dws {
namespace {

Error of_jump(const FoundJump& found, const Error& error) {
    return Error{error.fault, found.key + ": " + error.detail};
}

}  // namespace

Result<Done> RunCheck::begin() {
    const Result<std::uint64_t> end = listed_log_end(bucket_, run_);
    if (!end) return end.error();
    listed_log_end_ = *end;
    Result<std::vector<FoundJump>> found = read_jumps(
        bucket_, run_, [](const JumpEnds&) { return true; }, stop_);
    if (!found) return found.error();
    jumps_ = std::move(*found);
    Result<std::set<std::string>> objects = list_keys(bucket_, run_, "objects");
    if (!objects) return objects.error();
    objects_ = std::move(*objects);
    for (std::size_t index = 0; index < jumps_.size(); ++index) {
        const FoundJump& jump = jumps_[index];
        const auto [base, version] = jump.ends;
        by_version_.emplace(version, index);
        by_start_.emplace(base < 0 ? version : base, index);
        if (jump.error) return of_jump(jump, *jump.error);
        for (const ObjectRef& object : jump.jump->objects)
            if (!objects_.contains(object.key))
                return of_jump(jump, {Fault::missing, "no object " + object.key});
    }
    return Done{};
}

Result<Done> RunCheck::accept(const LoggedRecord& entry) {
    const Record& record = entry.record;
    records += 1;
    Result<Done> games = check_games(record);
    if (!games) return games;
    if (makes_version(record)) return check_version(entry);
    if (weights_ && record.digest != weights_->replica.digest())
        return Error{Fault::corrupt, "its digest is not that of the version it names"};
    return Done{};
}

Result<Done> RunCheck::end(const std::vector<PublicIdentity>& signers) const {
    Result<Done> ended = check_log_end(listed_log_end_, records);
    if (!ended) return ended;
    if (!weights_ && !not_rebuilt.empty())
        return Error{Fault::missing, "no anchor of the run is there whole"};
    for (const FoundJump& found : jumps_)
        if (!seen_versions_.contains(found.ends.version))
            return of_jump(found, {Fault::corrupt, "it leads to a version that the log has not"});
    std::vector<FoundJump> own = jumps_;
    refuse_strangers(own, signers);
    for (const FoundJump& found : own)
        if (found.error) return of_jump(found, *found.error);
    return Done{};
}

Result<Done> RunCheck::check_games(const Record& record) {
    for (const GamesConsumed& games : record.games) {
        std::int64_t& next = next_games_[games.worker];
        if (games.first != next || games.next < games.first)
            return Error{Fault::corrupt, fmt::format("groups {} to {} of {}: expected from {} on",
                                                     games.first, games.next, games.worker, next)};
        std::set<std::int64_t> dropped;
        for (const auto* numbers : {&games.skipped, &games.stale, &games.refused})
            for (const std::int64_t number : *numbers)
                if (number < games.first || number >= games.next || !dropped.insert(number).second)
                    return Error{Fault::corrupt, fmt::format("group {} of {} is dropped twice or "
                                                             "not this record's",
                                                             number, games.worker)};
        next = games.next;
    }
    return Done{};
}

Result<Done> RunCheck::check_version(const LoggedRecord& entry) {
    const Record& record = entry.record;
    if (!seen_versions_.insert(record.version).second)
        return Error{Fault::corrupt, fmt::format("version {} is there twice", record.version)};
    Result<Done> jumps_to = check_jumps_to(entry);
    if (!jumps_to) return jumps_to;
    if (!weights_) {
        Result<Done> begun = begin_weights(record);
        if (!begun || !weights_) return begun;
    } else {
        if (record.total_words != weights_->table.words())
            return Error{Fault::corrupt, fmt::format("it counts {} words, the arrays have {}",
                                                     record.total_words, weights_->table.words())};
        const Result<StagedVersion> staged = stage(record);
        if (!staged) return staged.error();
        weights_->replica.commit(*staged);
    }
    versions += 1;
    const Result<Done> rescanned = weights_->replica.rescan(0, weights_->table.tiles());
    if (!rescanned) return rescanned;
    const Result<Done> files = check_files(record);
    return files ? check_jumps_at(record.version) : files;
}

// Files of a checkpoint's folder that hold no words.
Result<Done> RunCheck::check_files(const Record& record) {
    for (const ObjectRef& object : record.objects) {
        if (holds_words(object) || sound_files_.contains(object.key + object.sha256)) continue;
        const Result<Bytes> bytes = source_(object);
        if (!bytes) return bytes.error();
        sound_files_.insert(object.key + object.sha256);
    }
    return Done{};
}

// At the first version that the log or a jump holds whole. Before it there is nothing to rebuild.
Result<Done> RunCheck::begin_weights(const Record& record) {
    Record anchor = record;
    const auto [begin, end] = by_start_.equal_range(record.version);
    for (auto index = begin; index != end; ++index)
        if (jumps_[index->second].ends.base_version < 0)
            anchor = jumps_[index->second].jump->as_record();
    const bool is_logged =
        record.kind == RecordKind::anchor && has_all_words(record.objects, objects_);
    if (is_logged) anchor = record;
    if (anchor.kind != RecordKind::anchor || !has_all_words(anchor.objects, objects_)) {
        not_rebuilt.push_back(record.version);
        return Done{};
    }
    Result<ArrayTable> table = read_table(anchor, source_);
    if (!table) return table.error();
    auto weights = std::make_unique<Weights>(std::move(*table), threads_);
    if (anchor.total_words != weights->table.words())
        return Error{Fault::corrupt, fmt::format("it counts {} words, the arrays have {}",
                                                 anchor.total_words, weights->table.words())};
    weights_ = std::move(weights);
    const Result<StagedVersion> staged = stage(anchor);
    if (!staged) return staged.error();
    weights_->replica.commit(*staged);
    first_rebuilt = record.version;
    return Done{};
}

Result<StagedVersion> RunCheck::stage(const Record& record) const {
    if (record.kind == RecordKind::delta) {
        Result<Changes> changes =
            read_delta(weights_->table, record, weights_->words, source_, threads_);
        if (!changes) return changes.error();
        return weights_->replica.stage_delta(record, std::move(*changes));
    }
    Bytes words(weights_->table.layout().size_bytes());
    const Result<Done> read = read_anchor(weights_->table, record, source_, words);
    if (!read) return read.error();
    return weights_->replica.stage_anchor(record, std::move(words));
}

// Their words lead to the digest they state; here, whether that is the log's.
Result<Done> RunCheck::check_jumps_to(const LoggedRecord& entry) {
    const auto [begin, end] = by_version_.equal_range(entry.record.version);
    for (auto index = begin; index != end; ++index) {
        const FoundJump& found = jumps_[index->second];
        const std::string why = jump_fault(*found.jump, entry.record, entry.sha256);
        if (!why.empty()) return of_jump(found, {Fault::corrupt, why});
        if (found.ends.base_version < 0) continue;
        if (!seen_versions_.contains(found.ends.base_version))
            return of_jump(found, {Fault::corrupt, "it starts from a version the log has not"});
        if (first_rebuilt < 0 || found.ends.base_version < first_rebuilt) jumps_not_rebuilt += 1;
    }
    return Done{};
}

// Folds from `version`, and an anchor of it. Nothing is committed.
Result<Done> RunCheck::check_jumps_at(std::int64_t version) {
    const auto [begin, end] = by_start_.equal_range(version);
    for (auto index = begin; index != end; ++index) {
        const FoundJump& found = jumps_[index->second];
        const Result<StagedVersion> staged = stage(found.jump->as_record());
        if (!staged) return of_jump(found, staged.error());
        jumps += 1;
    }
    return Done{};
}

}  // namespace dws
