#include "rollout_worker/worker.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/stop_signal.h"
#include "env_wordle/words.h"
#include "model/products.h"
#include "rollout_worker/game_text_of.h"
#include "rollout_worker/native_engine.h"
#include "rollout_worker/play_setup.h"
#include "rollout_worker/player.h"
#include "rollout_worker/scripted_engine.h"
#include "rollout_worker/seeds.h"
#include "sync/chain.h"

namespace dws {
namespace {

// How long an idle worker listens to the environment before it looks for weights again.
constexpr std::chrono::milliseconds kIdleWait{5};
constexpr double kWeightsPollS = 0.01;

// A demonstration group is an object in the bucket; 64 short games make it some 30 KB.
constexpr std::size_t kDemonstrationGames = 64;

std::string anchor_in_words(const Config& config) {
    return "anchor 0 of run " + config.run.name + " in bucket " + config.bucket.uri;
}

// More demonstrations than the warm start reads serve nobody.
std::int64_t demonstrations_max(const Config& config) {
    const WarmStartSection& warm = config.trainer.warm_start;
    const auto per_group = static_cast<std::int64_t>(kDemonstrationGames);
    const std::int64_t groups_per_step = (warm.games_per_step + per_group - 1) / per_group;
    return warm.steps * groups_per_step + config.worker.groups_ahead_max;
}

}  // namespace

Worker::Worker(const Config& config, const WorkerTrust& trust, Bucket& bucket, EventLog& log,
               std::string id, const std::string& seed_name)
    : config_(config),
      trust_(trust.log),
      bucket_(bucket),
      log_(log),
      id_(std::move(id)),
      seed_(derive_seed(config.run.seed, seed_name)),
      text_(game_text_of(config)),
      model_(load_playing_model(config, *text_)),
      products_(products_named(config.model.products, model_)),
      slots_(static_cast<std::size_t>(config.worker.slots)),
      follower_(config, trust, model_, bucket, log, -1),
      env_(env_options(config, trust.own)),
      outbox_(
          bucket, config.run.name, id_, trust.inside,
          [this](const Error& error) {
              follower_.report().fault(
                  error, error.fault == Fault::superseded ? "stopping: another worker has this id"
                         : error.fault == Fault::corrupt  ? "leaving the group out, playing on"
                                                          : "sending the games again");
          },
          trust.own) {}

int Worker::run(std::stop_token stop) {
    if (must_demonstrate()) play_demonstrations(stop);
    wait_for_weights(stop);
    play(stop);

    follower_.throw_on_failure();
    const bool is_complete = follower_.subscriber().is_complete();
    if (is_complete) outbox_.flush(stop);
    write_end(is_complete);
    return 0;
}

bool Worker::is_over(std::stop_token stop) const {
    const Subscriber& subscriber = follower_.subscriber();
    return stop.stop_requested() || subscriber.is_complete() || subscriber.failure().has_value();
}

// A worker that comes later finds a version in the log and has nothing to demonstrate.
bool Worker::must_demonstrate() {
    if (config_.trainer.warm_start.steps == 0) return false;
    const Result<Record> first = ChainReader(bucket_, config_.run.name, trust_).next();
    return !first && first.error().fault == Fault::missing;
}

void Worker::play_demonstrations(std::stop_token stop) {
    const WordList words =
        draw_secrets(read_words(config_.env.words), static_cast<std::size_t>(config_.env.secrets),
                     config_.env.secrets_seed);
    ScriptedEngine engine(words, static_cast<int>(slots_));
    Player player(engine, env_, *text_, player_options(config_.worker, slots_));
    PlayReport report(log_);
    log_.write("demonstrating", "demonstrating games until the trainer has learned from them", {});

    const std::int64_t groups_max = demonstrations_max(config_);
    while (!is_over(stop) && follower_.subscriber().log_view().newest_version < 0) {
        while (player.wants_group() && groups_opened_ < groups_max) {
            player.open_group(plan_demonstrations(next_group_seed(), kDemonstrationGames));
        }
        advance(player, report, stop);
        demonstrations_ = outbox_.submitted();
        if (player.open_groups() == 0) follower_.report().waiting(anchor_in_words(config_));
    }
}

void Worker::wait_for_weights(std::stop_token stop) {
    while (!follower_.has_version() && !is_over(stop)) {
        follower_.commit_staged(nullptr);
        if (follower_.has_version()) return;
        follower_.report().waiting(anchor_in_words(config_));
        sleep_or_stop(kWeightsPollS, stop);
    }
}

void Worker::play(std::stop_token stop) {
    if (!follower_.has_version()) return;
    log_.write("model", "", {{"products", std::string(name_of(products_))}});
    const std::unique_ptr<Backend> backend =
        make_cpu_backend(static_cast<int>(config_.worker.threads), products_);
    NativeEngine engine(model_, *backend, engine_options(config_.worker, *text_, slots_));
    follower_.give_weights(engine);
    Player player(engine, env_, *text_, player_options(config_.worker, slots_));

    PlayReport report(log_);
    while (!is_over(stop)) {
        follower_.commit_staged(&engine);
        if (!follower_.subscriber().is_sound()) {  // the games in flight wait where they are
            follower_.report().waiting("sound weights: live memory is to be loaded again");
            sleep_or_stop(kWeightsPollS, stop);
            continue;
        }
        admit_groups(player, report);
        advance(player, report, stop);
    }
}

void Worker::admit_groups(Player& player, PlayReport& report) {
    if (follower_.subscriber().log_view().has_ended) return;  // nobody will read another group
    if (!finished_.empty()) return;                           // the bucket is slower than the games
    const AdmissionLimits limits{config_.worker.groups_ahead_max,
                                 config_.worker.staleness_max_steps};
    while (player.wants_group()) {
        const AdmissionFacts facts = admission_facts(player);
        const Admission admission = admit(limits, facts);
        report.admission(admission, facts);
        if (admission != Admission::admitted) return;
        player.open_group(
            plan_group(next_group_seed(), static_cast<std::size_t>(config_.worker.group_size)));
    }
}

AdmissionFacts Worker::admission_facts(const Player& player) const {
    const LogView view = follower_.subscriber().log_view();
    const auto cursor = view.cursors.find(id_);
    AdmissionFacts facts;
    facts.submitted_groups = outbox_.submitted();
    facts.open_groups = static_cast<std::int64_t>(player.open_groups() + finished_.size());
    facts.demonstrations = demonstrations_;
    facts.cursor = cursor == view.cursors.end() ? 0 : cursor->second;
    facts.held_step = follower_.replica().trainer_step();
    facts.newest_step = view.newest_trainer_step;
    return facts;
}

std::uint64_t Worker::next_group_seed() {
    return derive_seed(seed_, static_cast<std::uint64_t>(groups_opened_++));
}

void Worker::advance(Player& player, PlayReport& report, std::stop_token stop) {
    for (GameGroup& group : player.advance(kIdleWait)) finished_.push_back(std::move(group));
    // Only into room that is there: the generating thread never waits for the bucket.
    while (!finished_.empty() && outbox_.has_room()) {
        const GameGroup& group = finished_.front();
        const std::int64_t newest_step = follower_.subscriber().log_view().newest_trainer_step;
        const std::int64_t number = outbox_.submitted();
        report.submitted(group, number, newest_step);
        const auto games = static_cast<std::int64_t>(group.games.size());
        if (!outbox_.submit(std::move(finished_.front()), stop)) {
            if (stop.stop_requested()) return;
            throw std::runtime_error("the games of worker " + id_ +
                                     " cannot be sent any more (see the fault before this): start "
                                     "the worker again, it draws a new id");
        }
        finished_.pop_front();
        if (outbox_.submitted() > number) games_submitted_ += games;  // else it was dropped
    }
    report.environment(env_, slots_);
    report.restarts(player);
    report.throughput(player);
}

void Worker::write_end(bool is_complete) {
    const Replica& replica = follower_.replica();
    const SyncReport& sync = follower_.report();
    log_.write("end",
               fmt::format("{} at version {} | {} games in {} groups | {} rescans, {} failed",
                           is_complete ? "the run has ended" : "stopped", replica.version(),
                           games_submitted_, outbox_.submitted(), sync.digests_checked(),
                           sync.digests_failed()),
               {{"version", replica.version()},
                {"trainer_step", replica.trainer_step()},
                {"digest", replica.digest().hex()},
                {"games", games_submitted_},
                {"groups", outbox_.submitted()},
                {"digests_checked", sync.digests_checked()},
                {"digests_failed", sync.digests_failed()},
                {"is_complete", is_complete}});
}

}  // namespace dws
