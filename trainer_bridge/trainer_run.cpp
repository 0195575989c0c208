#include "trainer_bridge/trainer_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "sync/games/game_box.h"
#include "sync/publisher.h"
#include "trainer_bridge/bridge.h"
#include "trainer_bridge/checkpoint_keeper.h"
#include "trainer_bridge/game_source.h"
#include "trainer_bridge/run_events.h"
#include "trainer_bridge/run_start.h"
#include "trainer_bridge/stop_moment.h"
#include "trainer_bridge/time_limit.h"
#include "trainer_bridge/trainer_trust.h"
#include "trainer_bridge/training_settings.h"

namespace dws {
namespace {

// Whoever asks a process to stop kills it after a few seconds; two are kept. Counted from the
// request on, so that the end of the step under way and the flush share it; the rest is for
// closing.
constexpr double kFlushedAfterStop_s = 1.5;
// Steps whose groups the inbox may hold ready: one that is worked on and one that comes next.
constexpr std::size_t kStepsAhead = 2;

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(final_line(result.error()));
    return std::move(*result);
}

std::filesystem::path checkpoint_folder(const Config& config) {
    if (!config.trainer.checkpoint_folder.empty()) return config.trainer.checkpoint_folder;
    return std::filesystem::path(config.run.output) / "checkpoints";
}

CheckpointPlan checkpoint_plan(const Config& config) {
    return {.run = config.run.name,
            .every_steps = config.trainer.checkpoint_steps,
            .settings = training_settings(config)};
}

void end_run(Publisher& publisher, CheckpointKeeper& keeper, const Trainer& trainer,
             const Config& config, EventLog& log, const StopMoment& stopped, std::stop_token stop) {
    const bool is_complete = trainer.step_number() >= config.trainer.steps;
    if (is_complete && !stop.stop_requested()) {
        // The end is said when everything is there.
        if (publisher.flush(stop)) keeper.save_last(publisher);
        const Result<Done> finished = publisher.finish(stop);
        if (!finished && !stop.stop_requested()) value_or_throw(finished);
    }
    if (!stop.stop_requested()) {
        log.write("end",
                  fmt::format("run {} is complete after {} steps", config.run.name,
                              trainer.step_number()),
                  {{"step", trainer.step_number()}});
        return;
    }
    const TimeLimit limit(std::max(0.0, kFlushedAfterStop_s - stopped.elapsed_s()), {});
    const bool is_flushed = publisher.flush(limit.token());
    log.write("stop",
              fmt::format("stopped at step {}{}; --resume goes on from the last version",
                          trainer.step_number(),
                          is_flushed ? "" : ", the newest steps are not in the bucket"),
              {{"step", trainer.step_number()}, {"is_flushed", is_flushed}});
}

}  // namespace

void run_trainer(Trainer& trainer, Bucket& bucket, const Config& config, Start start, EventLog& log,
                 std::stop_token stop) {
    const StopMoment stopped(stop);
    const TrainerTrust trust = trainer_trust(config);
    const ArrayTable table = value_or_throw(ArrayTable::make(trainer.layout()));
    CheckpointFolder checkpoints(checkpoint_folder(config), config.trainer.checkpoints_kept);
    const RunParts parts{trainer, bucket, table, config, trust, checkpoints, log};
    Result<Started> begun = start == Start::anew ? start_anew(parts) : go_on(parts, start, stop);
    if (!begun && stop.stop_requested()) {
        return log.write("stop", "stopped before the first step", {});
    }
    Started started = value_or_throw(std::move(begun));
    if (!started.publisher) return;

    CheckpointKeeper keeper(trainer, table, checkpoints, checkpoint_plan(config), log);
    if (started.checkpoint_step) keeper.goes_on_from(*started.checkpoint_step);
    GameInbox inbox(
        bucket, config.run.name, std::move(started.cursors), trust.outside,
        std::chrono::milliseconds(std::llround(config.doorbell.poll_ms)),
        kStepsAhead * static_cast<std::size_t>(config.trainer.groups_per_step),
        [&](const Error& error) { say_fault(log, "inbox", error); }, trust.log.games);
    GameSource games(inbox, fmt::format("{}/{}/games", config.bucket.uri, config.run.name), log);
    Bridge bridge(trainer, games, *started.publisher, keeper, log, config.trainer, table.words(),
                  std::move(started.abandoned));
    if (started.is_new && !value_or_throw(bridge.warm_start(stop))) {
        log.write("stop", "stopped before anchor 0: there is nothing to resume", {});
        return;
    }
    value_or_throw(bridge.reinforce(stop));
    end_run(*started.publisher, keeper, trainer, config, log, stopped, stop);
}

}  // namespace dws
