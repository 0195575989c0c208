#include "trainer_bridge/trainer_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "sync/games/game_box.h"
#include "sync/publisher.h"
#include "trainer_bridge/bridge.h"
#include "trainer_bridge/game_source.h"
#include "trainer_bridge/resume.h"
#include "trainer_bridge/stop_moment.h"
#include "trainer_bridge/time_limit.h"

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

std::string size_text(std::uint64_t bytes) {
    const auto size = static_cast<double>(bytes);
    return bytes < 1'000'000 ? fmt::format("{:.1f} kB", size / 1e3)
                             : fmt::format("{:.1f} MB", size / 1e6);
}

std::string content(const PublishedVersion& version) {
    if (version.record.kind == RecordKind::anchor) return "anchor";
    return fmt::format("delta of {} step{}", version.steps, version.steps == 1 ? "" : "s");
}

void say_version(EventLog& log, const PublishedVersion& version, const ArrayTable& table) {
    const Record& record = version.record;
    const std::uint64_t full_bytes = table.word_bytes();
    const double changed_fraction =
        static_cast<double>(record.changed_words) / static_cast<double>(record.total_words);
    log.write(
        "version",
        fmt::format("version {} | {}, {} of {} | encode {:.1f} ms, upload {:.1f} ms, commit "
                    "{:.1f} ms",
                    record.version, content(version), size_text(version.file_bytes),
                    size_text(full_bytes), version.encode_ms, version.upload_ms, version.commit_ms),
        {{"version", record.version},
         {"kind", std::string(name_of(record.kind))},
         {"steps", version.steps},
         {"changed_words", static_cast<std::int64_t>(record.changed_words)},
         {"total_words", static_cast<std::int64_t>(record.total_words)},
         {"changed_fraction", changed_fraction},
         {"file_bytes", static_cast<std::int64_t>(version.file_bytes)},
         {"full_bytes", static_cast<std::int64_t>(full_bytes)},
         {"encode_ms", version.encode_ms},
         {"upload_ms", version.upload_ms},
         {"commit_ms", version.commit_ms},
         {"total_ms", version.total_ms},
         {"trainer_step", record.trainer_step},
         {"digest", record.digest.hex()}});
}

void say_fault(EventLog& log, const std::string& where, const Error& error) {
    log.write(
        "fault", fmt::format("fault in {} | {}: {}", where, name_of(error.fault), error.detail),
        {{"where", where}, {"fault", std::string(name_of(error.fault))}, {"detail", error.detail}});
}

PublisherOptions publisher_options(const Config& config) {
    return {.run = config.run.name,
            .encoding = *encoding_named(config.sync.encoding),
            .file_bytes = static_cast<std::size_t>(config.sync.file_mib) << 20,
            .files_in_flight = static_cast<std::size_t>(config.sync.files_in_flight),
            .doorbell = config.doorbell.inside};
}

PublisherEvents publisher_events(EventLog& log, const ArrayTable& table) {
    return {.published = [&](const PublishedVersion& version) { say_version(log, version, table); },
            .fault = [&](const Error& error) { say_fault(log, "publisher", error); }};
}

// A run under construction: what starting anew and resuming both yield.
struct Started {
    std::unique_ptr<Publisher> publisher;
    std::map<std::string, std::int64_t> cursors;
};

Result<Started> start_anew(Bucket& bucket, const ArrayTable& table, const Config& config,
                           EventLog& log) {
    Result<std::unique_ptr<Publisher>> publisher = Publisher::start_new(
        bucket, table, publisher_options(config), publisher_events(log, table));
    if (!publisher && publisher.error().fault == Fault::superseded) {
        throw std::runtime_error(
            fmt::format("run {} already has a log in {}: use --resume, or another run.name",
                        config.run.name, config.bucket.uri));
    }
    if (!publisher) return publisher.error();
    return Started{.publisher = std::move(*publisher), .cursors = {}};
}

Result<Started> resume(Trainer& trainer, Bucket& bucket, const ArrayTable& table,
                       const Config& config, RunState state, EventLog& log) {
    trainer.restore(state.words, state.position.trainer_step);
    log.write("resume",
              fmt::format("resumed run {} at version {}, step {}; the optimizer's moments start at "
                          "0 and its learning rate warms up again",
                          config.run.name, state.position.version, state.position.trainer_step),
              {{"run", config.run.name},
               {"version", state.position.version},
               {"trainer_step", state.position.trainer_step},
               {"digest", state.position.digest.hex()},
               {"moments", std::string("zero")}});
    std::map<std::string, std::int64_t> cursors = state.position.cursors;
    Result<std::unique_ptr<Publisher>> publisher =
        Publisher::resume(bucket, table, publisher_options(config), publisher_events(log, table),
                          std::move(state.position));
    if (!publisher) return publisher.error();
    return Started{.publisher = std::move(*publisher), .cursors = std::move(cursors)};
}

void end_run(Publisher& publisher, const Trainer& trainer, const Config& config, EventLog& log,
             const StopMoment& stopped, std::stop_token stop) {
    const bool is_complete = trainer.step_number() >= config.trainer.steps;
    if (is_complete && !stop.stop_requested()) {
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
    const ArrayTable table = value_or_throw(ArrayTable::make(trainer.layout()));
    const auto say_stopped_early = [&] { log.write("stop", "stopped before the first step", {}); };

    Result<Started> begun = Started{};
    if (start == Start::resumed) {
        Result<RunState> read = read_run(bucket, table, config.run.name, stop);
        if (!read && stop.stop_requested()) return say_stopped_early();
        RunState state = value_or_throw(std::move(read));
        if (state.position.has_ended && state.position.trainer_step >= config.trainer.steps) {
            log.write("end",
                      fmt::format("run {} is complete already: {} of {} steps", config.run.name,
                                  state.position.trainer_step, config.trainer.steps),
                      {{"step", state.position.trainer_step}});
            return;
        }
        begun = resume(trainer, bucket, table, config, std::move(state), log);
    } else {
        begun = start_anew(bucket, table, config, log);
    }
    if (!begun && stop.stop_requested()) return say_stopped_early();
    Started started = value_or_throw(std::move(begun));

    GameInbox inbox(bucket, config.run.name, std::move(started.cursors), config.doorbell.outside,
                    std::chrono::milliseconds(std::llround(config.doorbell.poll_ms)),
                    kStepsAhead * static_cast<std::size_t>(config.trainer.groups_per_step),
                    [&](const Error& error) { say_fault(log, "inbox", error); });
    GameSource games(inbox, fmt::format("{}/{}/games", config.bucket.uri, config.run.name), log);
    Bridge bridge(trainer, games, *started.publisher, log, config.trainer, table.words());
    if (start == Start::anew && !value_or_throw(bridge.warm_start(stop))) {
        log.write("stop", "stopped before anchor 0: there is nothing to resume", {});
        return;
    }
    value_or_throw(bridge.reinforce(stop));
    end_run(*started.publisher, trainer, config, log, stopped, stop);
}

}  // namespace dws
