#include "trainer_bridge/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "sync/changes.h"
#include "sync/games/game_signature.h"
#include "sync/parallel.h"

namespace dws {
namespace {

// Groups are some tens of kB and a store may be 50 ms away: a step's groups come side by side.
constexpr std::size_t kGroupsInFlight = 8;
// More than any optimizer step has; the log may be anybody's where its key is not pinned.
constexpr std::int64_t kMaxGroupsPerStep = 1'000'000;
// Bytes damaged on the way come right with the second try.
constexpr int kFetchAttempts = 2;

const Error kStopped{Fault::transport, "stopped while steps were repeated"};

struct NamedGroup {
    std::string worker;
    std::int64_t number;
};

Result<std::vector<NamedGroup>> groups_of(const Record& record, const TrainedStep& step) {
    std::vector<NamedGroup> groups;
    std::int64_t room = kMaxGroupsPerStep;
    for (const TrainedRun& run : step) {
        if (run.count > room) {
            return Error{Fault::corrupt,
                         fmt::format("record {} names a step of more than {} groups",
                                     record.sequence, kMaxGroupsPerStep)};
        }
        room -= run.count;
        for (std::int64_t number = run.first; number < run.first + run.count; ++number) {
            groups.push_back({record.games[run.worker].worker, number});
        }
    }
    return groups;
}

}  // namespace

Result<Replayed> Replay::run(const std::vector<const Record*>& records, std::stop_token stop) {
    const Stopwatch watch;
    const std::int64_t first_step = trainer_.step_number();
    digest_ = sum(digest_tiles(table_, trainer_.published_words()));
    for (const Record* record : records) {
        const Result<std::string> obstacle = take_steps(*record, stop);
        if (!obstacle) return obstacle.error();
        const std::int64_t steps = trainer_.step_number() - first_step;
        if (!obstacle->empty()) return Replayed{.steps = steps, .obstacle = *obstacle};
        if (!record->steps.empty() && progress_) {
            progress_({.trainer_step = trainer_.step_number(),
                       .steps = steps,
                       .elapsed_s = watch.seconds()});
        }
    }
    return Replayed{.steps = trainer_.step_number() - first_step, .obstacle = ""};
}

Result<std::string> Replay::take_steps(const Record& record, std::stop_token stop) {
    for (const TrainedStep& step : record.steps) {
        Result<std::vector<GameGroup>> groups = fetch(record, step, stop);
        if (!groups && groups.error().fault == Fault::transport) return groups.error();
        if (!groups) return groups.error().detail;
        const StepReport report = trainer_.learn(*groups, StepForm::changes);
        for (const auto& [tile, changes] : report.changes) {
            digest_ += digest_change(table_, tile, changes);
        }
    }
    if (trainer_.step_number() != record.trainer_step) {
        return fmt::format("record {} does not say what its steps were trained on",
                           record.sequence);
    }
    if (digest_ == record.digest) return std::string();
    return fmt::format("step {} has digest {} when it is repeated, and {} in record {}",
                       record.trainer_step, digest_.hex(), record.digest.hex(), record.sequence);
}

Result<std::vector<GameGroup>> Replay::fetch(const Record& record, const TrainedStep& step,
                                             std::stop_token stop) {
    const Result<std::vector<NamedGroup>> named = groups_of(record, step);
    if (!named) return named.error();
    const std::vector<NamedGroup>& names = *named;
    std::vector<std::optional<Result<GameGroup>>> fetched(names.size());
    for_each_piece(std::min(kGroupsInFlight, names.size()), names.size(),
                   [&](std::size_t, std::size_t index) {
                       if (stop.stop_requested()) return;
                       for (int attempt = 0; attempt < kFetchAttempts; ++attempt) {
                           fetched[index] = fetch(names[index].worker, names[index].number);
                           if (*fetched[index]) return;
                           const Fault fault = fetched[index]->error().fault;
                           if (fault != Fault::corrupt && fault != Fault::untrusted) return;
                       }
                   });
    if (stop.stop_requested()) return kStopped;
    std::vector<GameGroup> groups;
    for (std::optional<Result<GameGroup>>& group : fetched) {
        if (!*group) return group->error();
        groups.push_back(std::move(**group));
    }
    return groups;
}

// What was trained had passed the trainer's check; what stands there now may be another object.
Result<GameGroup> Replay::fetch(const std::string& worker, std::int64_t number) {
    const std::string key = game_key(run_, worker, number);
    const Result<Bytes> bytes = bucket_.get(key, {.offset = 0, .length = kMaxGroupBytes + 1});
    if (!bytes && bytes.error().fault == Fault::missing) {
        return Error{Fault::missing, key + " is gone"};
    }
    // A store that refuses us says nothing of the group: no reason to roll back.
    if (!bytes && bytes.error().fault == Fault::untrusted)
        return Error{Fault::transport, bytes.error().detail, bytes.error().retry_after_s};
    if (!bytes) return bytes.error();
    Result<GameGroup> group = decode_group(*bytes);
    if (!group) return Error{Fault::corrupt, key + ": " + group.error().detail};
    if (group->worker != worker || group->number != number)
        return Error{Fault::corrupt, key + ": it says it is another group"};
    const std::string why = group_signature_fault(*bytes, *group, run_, signers_);
    if (!why.empty()) return Error{Fault::untrusted, fmt::format("{}: the group {}", key, why)};
    const Result<Done> checked = trainer_.check(*group);
    if (!checked) return Error{Fault::corrupt, key + ": " + checked.error().detail};
    return group;
}

}  // namespace dws
