#include "sync/upkeep/compactor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "sync/fetch.h"
#include "sync/run_table.h"

namespace dws {
namespace {

constexpr std::int64_t kNoBase = -1;  // of an anchor's jump

bool leads_elsewhere(Fault fault) { return fault == Fault::missing || fault == Fault::corrupt; }

}  // namespace

// The weights and, per length of fold, those that its next fold starts from.
struct Compactor::Held {
    struct Level {
        std::int64_t versions;  // per fold
        std::int64_t walked = 0;
        std::int64_t base_version = -1;
        Bytes base;
    };

    Held(ArrayTable table_, const CompactorOptions& options, Bucket& bucket)
        : table(std::move(table_)), writer(bucket, table, options.writing) {
        for (const std::int64_t versions : options.costs.fold_versions)
            levels.push_back({.versions = versions, .base = {}});
    }

    const ArrayTable table;
    Bytes words = Bytes(table.layout().size_bytes());
    Replica replica{table, words};
    JumpWriter writer;
    std::vector<Level> levels;

    void begin_fold(Level& level) const {
        level.base = words;
        level.base_version = replica.version();
        level.walked = 0;
    }
};

Compactor::Compactor(Bucket& bucket, CompactorOptions options, CompactorEvents events)
    : bucket_(bucket),
      options_(std::move(options)),
      events_(std::move(events)),
      reader_(std::in_place, bucket, options_.writing.run, options_.trust),
      costs_(options_.costs) {}

Compactor::~Compactor() = default;

std::int64_t Compactor::version() const { return held_ ? held_->replica.version() : -1; }

std::uint64_t Compactor::catch_up_bytes() const {
    return held_ ? costs_.catch_up_bytes(version()) : 0;
}

Result<Done> Compactor::catch_up(std::stop_token stop) {
    const Result<Done> read = read_ahead(stop);
    if (!read) return read;
    if (!held_) {
        const Result<bool> loaded = load_newest_anchor(-1, stop);
        if (!loaded) return loaded.error();
        if (!*loaded)
            return Error{Fault::missing, "no anchor of run " + options_.writing.run +
                                             " is there whole: restore its objects from a copy"};
    }
    while (ahead_.size() > 1) {
        const std::int64_t held = version();
        const Result<Done> taken = take_next(stop);
        if (taken) continue;
        if (!held_ || !leads_elsewhere(taken.error().fault)) return taken;
        // What is gone or damaged is passed over by a later anchor, if there is one.
        const Result<bool> loaded = load_newest_anchor(held, stop);
        if (!loaded) return loaded.error();
        if (!*loaded) return taken;
        say(taken.error(), fmt::format("going on from anchor {}", version()));
    }
    return offer_anchor(stop);
}

// Records are small; knowing the newest version first saves anchors on the way there.
Result<Done> Compactor::read_ahead(std::stop_token stop) {
    while (!stop.stop_requested()) {
        Result<Record> record = reader_->next(stop);
        if (!record && record.error().fault != Fault::missing) return record.error();
        if (!record && reader_->position().next_sequence == 0) return record.error();
        if (!record) return Done{};
        has_log_ = true;
        if (!makes_version(*record)) continue;
        record->games = {};
        ahead_.push_back({std::move(*record), reader_->position().last_sha256});
    }
    return Error{Fault::transport, "stopped"};
}

Result<bool> Compactor::load_newest_anchor(std::int64_t after, std::stop_token stop) {
    const Result<Done> known = read_known_jumps(after, stop);
    if (!known) return known.error();
    for (auto entry = ahead_.rbegin(); entry != ahead_.rend(); ++entry) {
        if (entry->record.version <= after) break;
        const Jump* jump = known_jump(kNoBase, entry->record.version);
        const bool is_logged = entry->record.kind == RecordKind::anchor;
        if (!is_logged && jump == nullptr) continue;
        const Record anchor = is_logged ? entry->record : jump->as_record();
        const Result<Done> loaded = load(anchor, stop);
        if (!loaded && !leads_elsewhere(loaded.error().fault)) {
            if (!held_) forget();
            return loaded.error();
        }
        if (!loaded) {
            say(loaded.error(), "trying an earlier anchor");
            continue;
        }
        while (ahead_.front().record.version < anchor.version) ahead_.pop_front();
        if (events_.started) events_.started(anchor, !is_logged);
        return true;
    }
    if (!held_) forget();
    return false;
}

// To begin again as if just started.
void Compactor::forget() {
    held_.reset();
    ahead_.clear();
    known_.clear();
    reader_.emplace(bucket_, options_.writing.run, options_.trust);
}

const Jump* Compactor::known_jump(std::int64_t base_version, std::int64_t version) const {
    const auto jumps = known_.find(version);
    if (jumps == known_.end()) return nullptr;
    const auto jump = jumps->second.find(base_version);
    return jump == jumps->second.end() ? nullptr : &jump->second;
}

Result<Done> Compactor::read_known_jumps(std::int64_t after, std::stop_token stop) {
    Result<std::vector<FoundJump>> found = read_jumps(
        bucket_, options_.writing.run,
        [after](const JumpEnds& ends) { return ends.version > after; }, stop);
    if (!found) return found.error();
    known_.clear();
    refuse_strangers(*found, reader_->jump_signers());
    for (FoundJump& entry : *found) {
        const auto target = std::lower_bound(
            ahead_.begin(), ahead_.end(), entry.ends.version,
            [](const LoggedRecord& logged, std::int64_t at) { return logged.record.version < at; });
        if (target == ahead_.end() || target->record.version != entry.ends.version) continue;
        const std::string why = entry.jump ? jump_fault(*entry.jump, target->record, target->sha256)
                                           : entry.error->detail;
        if (why.empty())
            known_[entry.ends.version][entry.ends.base_version] = std::move(*entry.jump);
        else
            say(Error{Fault::corrupt, entry.key + ": " + why}, "passing over this jump");
    }
    return Done{};
}

Result<Done> Compactor::load(const Record& anchor, std::stop_token stop) {
    Result<ArrayTable> table = read_table(anchor, source(stop));
    if (!table) return table.error();
    held_.reset();  // its memory is needed
    auto fresh = std::make_unique<Held>(std::move(*table), options_, bucket_);
    Bytes words(fresh->table.layout().size_bytes());
    const Result<Done> read = read_anchor(fresh->table, anchor, source(stop), words);
    if (!read) return read;
    const Result<StagedVersion> staged = fresh->replica.stage_anchor(anchor, std::move(words));
    if (!staged) return staged.error();
    fresh->replica.commit(*staged);
    held_ = std::move(fresh);
    begin_grid(total_bytes(anchor.objects));
    return Done{};
}

// Folds stand at fixed distances from the newest anchor.
void Compactor::begin_grid(std::uint64_t anchor_bytes) {
    costs_.begin(version(), anchor_bytes);
    for (Held::Level& level : held_->levels) held_->begin_fold(level);
}

// The version after the held one, and the folds that end with it.
Result<Done> Compactor::take_next(std::stop_token stop) {
    const LoggedRecord& next = ahead_[1];
    {
        const Result<StagedVersion> staged = stage(next.record, stop);
        if (!staged) {
            // A sound delta that does not fit: is it the words?
            const bool is_damaged = staged.error().fault == Fault::wrong_base &&
                                    !held_->replica.rescan(0, held_->table.tiles());
            if (is_damaged) forget();
            return staged.error();
        }
        held_->replica.commit(*staged);
    }
    versions_applied_ += 1;
    const std::int64_t base = ahead_.front().record.version;
    ahead_.pop_front();
    const std::uint64_t bytes = total_bytes(ahead_.front().record.objects);
    if (ahead_.front().record.kind == RecordKind::anchor) {
        begin_grid(bytes);
        return Done{};
    }
    costs_.add(base, version(), bytes);
    return fold(stop);
}

Result<StagedVersion> Compactor::stage(const Record& record, std::stop_token stop) {
    if (record.kind == RecordKind::anchor) {
        Bytes words(held_->table.layout().size_bytes());
        const Result<Done> read = read_anchor(held_->table, record, source(stop), words);
        if (!read) return read.error();
        return held_->replica.stage_anchor(record, std::move(words));
    }
    Result<Changes> changes = read_delta(held_->table, record, held_->words, source(stop));
    if (!changes) return changes.error();
    return held_->replica.stage_delta(record, std::move(*changes));
}

Result<Done> Compactor::fold(std::stop_token stop) {
    for (Held::Level& level : held_->levels) level.walked += 1;
    for (std::size_t level = 0; level < held_->levels.size(); ++level) {
        if (held_->levels[level].walked < held_->levels[level].versions) continue;
        const Result<Done> folded = fold_level(level, stop);
        if (folded) continue;
        forget();  // the fold's base is neither version now, or words are not what they should be
        return folded;
    }
    return Done{};
}

Result<Done> Compactor::fold_level(std::size_t index, std::stop_token stop) {
    Held::Level& level = held_->levels[index];
    const LoggedRecord& target = ahead_.front();
    const FoldDecision decision{level.base_version, version(),
                                costs_.road_bytes(level.base_version, version()),
                                costs_.largest_fold_bytes(level.base_version, version())};
    if (const Jump* known = known_jump(level.base_version, version())) {
        costs_.add(level.base_version, version(), total_bytes(known->objects));
    } else {
        const Result<std::optional<WrittenJump>> written = held_->writer.write_fold(
            target, level.base_version, level.base, held_->words, decision.most_bytes, stop);
        if (!written) return written.error();
        if (*written) costs_.add(level.base_version, version(), (*written)->bytes);
        if (*written && events_.offered) events_.offered(**written, decision.road_bytes);
        if (!*written && events_.declined) events_.declined(decision);
    }
    held_->begin_fold(level);
    return Done{};
}

Result<Done> Compactor::offer_anchor(std::stop_token stop) {
    if (!costs_.needs_anchor(version())) return Done{};
    const std::uint64_t road_bytes = costs_.catch_up_bytes(version());
    const Result<WrittenJump> written =
        held_->writer.write_anchor(ahead_.front(), held_->words, stop);
    if (!written) {
        if (written.error().fault != Fault::transport) forget();
        return written.error();
    }
    begin_grid(written->bytes);
    if (events_.offered) events_.offered(*written, road_bytes);
    return Done{};
}

void Compactor::say(const Error& error, const std::string& next_action) const {
    if (events_.fault) events_.fault(error, next_action);
}

ObjectSource Compactor::source(std::stop_token stop) const {
    return [this, stop](const ObjectRef& object) -> Result<Bytes> {
        if (stop.stop_requested()) return Error{Fault::transport, "stopped"};
        return fetch_object(bucket_, options_.writing.run, object);
    };
}

}  // namespace dws
