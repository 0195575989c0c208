#include "trainer_bridge/run_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sync/changes.h"
#include "trainer_bridge/replay.h"
#include "trainer_bridge/run_events.h"
#include "trainer_bridge/run_log.h"
#include "trainer_bridge/training_settings.h"

namespace dws {
namespace {

PublisherOptions publisher_options(const Config& config, const TrainerTrust& trust) {
    return {.run = config.run.name,
            .encoding = *encoding_named(config.sync.encoding),
            .file_bytes = static_cast<std::size_t>(config.sync.file_mib) << 20,
            .files_in_flight = static_cast<std::size_t>(config.sync.files_in_flight),
            .doorbell = trust.inside,
            .signer = trust.own};
}

void say_passed_over(EventLog& log, const std::string& file, const std::string& why) {
    log.write("checkpoint_passed_over", fmt::format("checkpoint passed over: {}", why),
              {{"file", file}, {"detail", why}});
}

// One resumption, from the first look at the log to the first step.
class Resumption {
public:
    Resumption(const RunParts& run, Start start, std::stop_token stop)
        : run_(run),
          start_(start),
          stop_(std::move(stop)),
          candidates_(list_candidates()),
          log_(run.bucket, name(), run.trust.log, oldest_sequence()) {}

    Result<Started> go_on() {
        const Result<Done> read = log_.read_on(stop_);
        if (!read) return read.error();
        check_log_reaches_checkpoints();
        if (log_.position().next_sequence == 0) return begin();
        check_version();
        if (is_complete()) return Started{};
        if (!load_newest() && start_ == Start::resumed) refuse_without_checkpoint();
        Result<std::unique_ptr<Publisher>> publisher = begin_epoch();
        if (!publisher) return publisher.error();
        // What came in the meantime may have abandoned the checkpoint's steps.
        const bool is_abandoned = chosen_ && !place_of(*chosen_);
        if (is_abandoned && !load_newest() && start_ == Start::resumed) refuse_without_checkpoint();
        const Result<Done> ready = chosen_ ? repeat_steps(**publisher) : take_words();
        if (!ready) return ready.error();
        Started started{.publisher = std::move(*publisher),
                        .cursors = log_.position().cursors,
                        .abandoned = log_.line().abandoned(),
                        .checkpoint_step = {},
                        .is_new = false};
        if (chosen_) started.checkpoint_step = chosen_->label.trainer_step;
        return started;
    }

private:
    const std::string& name() const { return run_.config.run.name; }

    std::vector<FoundCheckpoint> list_candidates() const {
        CheckpointFolder::Listing listing = run_.checkpoints.list();
        for (const Error& error : listing.unreadable) {
            say_passed_over(run_.log, "", error.detail);
        }
        std::erase_if(listing.found, [&](const FoundCheckpoint& found) {
            const std::string why = foreign(found.label);
            if (!why.empty())
                say_passed_over(run_.log, found.file.string(),
                                fmt::format("{} {}", found.file.string(), why));
            return !why.empty();
        });
        return std::move(listing.found);
    }

    std::string foreign(const CheckpointLabel& label) const {
        if (label.run != name()) return fmt::format("is of run {}", label.run);
        if (label.layout_hash != run_.table.layout_hash()) return "is of a model with other arrays";
        return "";
    }

    std::uint64_t oldest_sequence() const {
        std::uint64_t oldest = UINT64_MAX;
        for (const FoundCheckpoint& found : candidates_)
            oldest = std::min(oldest, found.label.sequence);
        return oldest;
    }

    Result<Started> begin() {
        run_.log.write(
            "resume",
            fmt::format("run {} has no log in {}: starting anew", name(), run_.config.bucket.uri),
            {{"run", name()}, {"how", std::string("anew")}});
        return start_anew(run_);
    }

    // Going on before the place where this machine's own checkpoint stands would use sequence and
    // version numbers twice.
    void check_log_reaches_checkpoints() const {
        const std::uint64_t next = log_.position().next_sequence;
        for (const FoundCheckpoint& found : candidates_) {
            if (found.label.sequence < next || found.label.sequence == 0) continue;
            throw std::runtime_error(fmt::format(
                "the log of run {} in {} has {} records, and {} was written at record {}: the "
                "bucket is another one or has lost records; check bucket.uri, and remove that file "
                "only if it is left from an earlier run of this name",
                name(), run_.config.bucket.uri, next, found.file.string(), found.label.sequence));
        }
    }

    void check_version() const {
        if (log_.position().version >= 0) return;
        throw std::runtime_error("run " + name() +
                                 " has a log but no version, anchor 0 was never committed: start "
                                 "anew under another run.name");
    }

    bool is_complete() const {
        const ChainPosition& position = log_.position();
        const std::int64_t steps = run_.config.trainer.steps;
        if (!position.has_ended || position.trainer_step < steps) return false;
        run_.log.write("end",
                       fmt::format("run {} is complete already: {} of {} steps", name(),
                                   position.trainer_step, steps),
                       {{"step", position.trainer_step}});
        return true;
    }

    std::optional<LiveLine::Place> place_of(const FoundCheckpoint& found) {
        return log_.line().find(found.label.sequence, found.label.trainer_step, found.label.digest);
    }

    // The newest checkpoint that is of this log and sound becomes the trainer's state.
    bool load_newest() {
        chosen_.reset();
        std::vector<FoundCheckpoint> of_log;
        for (FoundCheckpoint& found : candidates_) {
            if (place_of(found)) {
                of_log.push_back(std::move(found));
                continue;
            }
            say_passed_over(run_.log, found.file.string(),
                            fmt::format("{} of step {} is of no record in the log of run {}",
                                        found.file.string(), found.label.trainer_step, name()));
        }
        candidates_ = std::move(of_log);
        while (!candidates_.empty() && !chosen_) {
            const Result<Done> loaded = load(candidates_.front());
            if (loaded) {
                chosen_ = candidates_.front();
                break;
            }
            say_passed_over(run_.log, candidates_.front().file.string(), loaded.error().detail);
            candidates_.erase(candidates_.begin());
        }
        for (auto found = candidates_.rbegin(); found != candidates_.rend(); ++found)
            run_.checkpoints.count_in(found->file);
        return chosen_.has_value();
    }

    Result<Done> load(const FoundCheckpoint& found) {
        const Result<Done> read = read_checkpoint(found.file, run_.trainer.training_state());
        if (!read) return read.error();
        run_.trainer.go_on_from(found.label.trainer_step, found.label.optimizer_steps);
        const Digest held = sum(digest_tiles(run_.table, run_.trainer.published_words()));
        if (held == found.label.digest) return Done{};
        return Error{Fault::corrupt,
                     fmt::format("{}: its words have digest {}, not {}", found.file.string(),
                                 held.hex(), found.label.digest.hex())};
    }

    [[noreturn]] void refuse_without_checkpoint() const {
        throw std::runtime_error(fmt::format(
            "no checkpoint in {} fits the log of run {}, so --resume cannot go on exactly: bring "
            "the checkpoints of the trainer that wrote it (trainer.checkpoint_folder), or use "
            "--take-over, which goes on from version {} and forgets the optimizer's moments",
            run_.checkpoints.folder().string(), name(), log_.position().version));
    }

    // Ends the reign of whoever wrote before. A record that it still brought in is adopted.
    Result<std::unique_ptr<Publisher>> begin_epoch() {
        const auto read_on = [&]() -> Result<ChainPosition> {
            const std::uint64_t first = log_.position().next_sequence;
            const Result<Done> read = log_.read_new(stop_);
            if (!read) return read.error();
            run_.log.write("adopted",
                           fmt::format("adopted {} late records of the writer before",
                                       log_.position().next_sequence - first),
                           {{"first", static_cast<std::int64_t>(first)},
                            {"next", static_cast<std::int64_t>(log_.position().next_sequence)}});
            return log_.position();
        };
        return Publisher::resume(run_.bucket, run_.table,
                                 publisher_options(run_.config, run_.trust),
                                 publisher_events(run_.log, run_.table), log_.position(), read_on);
    }

    // What the trainer that died had learned since the checkpoint is learned once more.
    Result<Done> repeat_steps(Publisher& publisher) {
        say_settings();
        const std::int64_t last_step = log_.position().trainer_step;
        const auto progress = [&](const ReplayProgress& at) {
            run_.log.write("replay",
                           fmt::format("repeated step {} of {} | {} steps in {:.2f} s",
                                       at.trainer_step, last_step, at.steps, at.elapsed_s),
                           {{"step", at.trainer_step},
                            {"last_step", last_step},
                            {"steps", at.steps},
                            {"elapsed_s", at.elapsed_s}});
        };
        Replay replay(run_.trainer, run_.table, run_.bucket, name(), progress,
                      run_.trust.log.games);
        const Result<Replayed> replayed = replay.run(place_of(*chosen_)->later, stop_);
        if (!replayed) return replayed.error();
        if (!replayed->obstacle.empty()) return give_up_steps(publisher, replayed->obstacle);
        say_resumed("replay", "exact",
                    fmt::format("exactly: checkpoint of step {}, {} steps repeated",
                                chosen_->label.trainer_step, replayed->steps));
        return Done{};
    }

    void say_settings() const {
        for (const std::string& difference :
             differences(chosen_->label.settings, training_settings(run_.config))) {
            run_.log.write("warning",
                           fmt::format("since the checkpoint {}: steps after it may not repeat, "
                                       "and would be rolled back",
                                       difference),
                           {{"what", difference}});
        }
    }

    // A few steps are given up without asking. An old checkpoint on a machine that was not the last
    // to train would take back what others have learned since.
    Result<Done> give_up_steps(Publisher& publisher, const std::string& why) {
        const std::int64_t steps = log_.position().trainer_step - chosen_->label.trainer_step;
        if (steps <= run_.config.trainer.rollback_max_steps) return roll_back(publisher, why);
        if (start_ == Start::taken_over) return take_words();
        throw std::runtime_error(fmt::format(
            "the {} steps after the checkpoint of step {} cannot be repeated ({}), and "
            "trainer.rollback_max_steps is {}: raise it to abandon them, or use --take-over, which "
            "goes on from the published words and forgets the optimizer's moments",
            steps, chosen_->label.trainer_step, why, run_.config.trainer.rollback_max_steps));
    }

    // The checkpoint's state again, and a version that leads followers back to its words.
    Result<Done> roll_back(Publisher& publisher, const std::string& why) {
        const ChainPosition& end = log_.position();
        Result<Bytes> words = log_.newest_words(run_.table, stop_);
        if (!words) return words.error();
        const Result<Done> loaded = load(*chosen_);
        if (!loaded) return loaded.error();
        const std::int64_t step = run_.trainer.step_number();
        run_.log.write(
            "rollback",
            fmt::format("rolling back from step {} to {}: {}", end.trainer_step, step, why),
            {{"from_step", end.trainer_step},
             {"to_step", step},
             {"from_version", end.version},
             {"reason", why}});
        Pending back;
        back.changes = diff(run_.table, *words, run_.trainer.published_words());
        back.trainer_step = step;
        back.is_rollback = true;
        if (!publisher.hand_over(std::move(back)) || !publisher.flush(stop_)) {
            return publisher.failure().value_or(
                Error{Fault::transport, "stopped before the rollback was committed"});
        }
        log_.line().abandon_after(step);
        say_resumed("rollback", "exact", fmt::format("by a rollback to step {}", step));
        return Done{};
    }

    // Without a checkpoint the words are all there is.
    Result<Done> take_words() {
        const Result<Bytes> words = log_.newest_words(run_.table, stop_);
        if (!words) return words.error();
        run_.trainer.restore(*words, log_.position().trainer_step);
        say_resumed("words", "zero",
                    "from the published words: the optimizer's moments start at 0 and its learning "
                    "rate warms up again");
        return Done{};
    }

    void say_resumed(const std::string& how, const std::string& moments,
                     const std::string& in_words) const {
        run_.log.write(
            "resume",
            fmt::format("resumed run {} at step {}, {}", name(), run_.trainer.step_number(),
                        in_words),
            {{"run", name()},
             {"how", how},
             {"moments", moments},
             {"log_version", log_.position().version},
             {"trainer_step", run_.trainer.step_number()},
             {"digest", sum(digest_tiles(run_.table, run_.trainer.published_words())).hex()}});
    }

    const RunParts& run_;
    const Start start_;
    const std::stop_token stop_;
    std::vector<FoundCheckpoint> candidates_;  // newest first
    RunLog log_;
    std::optional<FoundCheckpoint> chosen_;  // whose state the trainer began with
};

}  // namespace

Result<Started> start_anew(const RunParts& run) {
    Result<std::unique_ptr<Publisher>> publisher =
        Publisher::start_new(run.bucket, run.table, publisher_options(run.config, run.trust),
                             publisher_events(run.log, run.table));
    if (!publisher && publisher.error().fault == Fault::superseded) {
        throw std::runtime_error(
            fmt::format("run {} already has a log in {}: use --resume, or another run.name",
                        run.config.run.name, run.config.bucket.uri));
    }
    if (!publisher) return publisher.error();
    return Started{.publisher = std::move(*publisher),
                   .cursors = {},
                   .abandoned = {},
                   .checkpoint_step = {},
                   .is_new = true};
}

Result<Started> go_on(const RunParts& run, Start start, std::stop_token stop) {
    return Resumption(run, start, std::move(stop)).go_on();
}

}  // namespace dws
