#include "rollout_worker/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "model/products.h"
#include "rollout_worker/follower.h"
#include "rollout_worker/game_text_of.h"
#include "rollout_worker/native_engine.h"
#include "rollout_worker/play_report.h"
#include "rollout_worker/play_setup.h"
#include "rollout_worker/seeds.h"
#include "sync/chain.h"

namespace dws {
namespace {

constexpr std::chrono::milliseconds kIdleWait{5};
constexpr double kWeightsPollS = 0.01;

std::int64_t newest_version(const Config& config, const WorkerTrust& trust, Bucket& bucket,
                            std::stop_token stop) {
    ChainReader chain(bucket, config.run.name, trust.log);
    Result<Record> record = chain.next();
    while (record && !stop.stop_requested()) record = chain.next();
    if (stop.stop_requested()) throw std::runtime_error("stopped");
    if (record.error().fault != Fault::missing)
        throw std::runtime_error(final_line(record.error()));
    if (chain.position().version < 0) {
        throw std::runtime_error("run " + config.run.name + " in bucket " + config.bucket.uri +
                                 " has no version yet");
    }
    return chain.position().version;
}

std::int64_t parse_version(const Config& config, const WorkerTrust& trust, Bucket& bucket,
                           const std::string& text, std::stop_token stop) {
    if (text == "latest") return newest_version(config, trust, bucket, std::move(stop));
    std::int64_t version = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (error != std::errc() || end != text.data() + text.size() || version < 0) {
        throw std::runtime_error("--evaluate takes a version number or 'latest', not '" + text +
                                 "'");
    }
    return version;
}

void follow_to(std::int64_t version, Follower& follower, std::stop_token stop) {
    while (follower.replica().version() < version) {
        follower.commit_staged(nullptr);
        follower.throw_on_failure();
        if (follower.replica().version() >= version) return;
        if (follower.subscriber().is_complete()) {
            throw std::runtime_error(fmt::format("the log ends at version {}, before version {}",
                                                 follower.replica().version(), version));
        }
        follower.report().waiting(fmt::format("version {}", version));
        if (sleep_or_stop(kWeightsPollS, stop)) throw std::runtime_error("stopped");
    }
}

GroupPlan plan_evaluation(const EvaluationSection& evaluation) {
    GroupPlan plan{derive_seed(evaluation.seed, "evaluation"), {}, false};
    for (std::int64_t i = 0; i < evaluation.games; ++i) {
        plan.env_seeds.push_back(evaluation.seed + static_cast<std::uint64_t>(i));
    }
    return plan;
}

GameGroup play(Player& player, const EnvClient& env, std::size_t slots, EventLog& log,
               std::stop_token stop) {
    PlayReport report(log);
    while (!stop.stop_requested()) {
        std::vector<GameGroup> whole = player.advance(kIdleWait);
        report.environment(env, slots);
        report.restarts(player);
        if (!whole.empty()) return std::move(whole.front());
    }
    throw std::runtime_error("stopped");
}

}  // namespace

int evaluate(const Config& config, const WorkerTrust& trust, Bucket& bucket, EventLog& log,
             const std::string& version, std::stop_token stop) {
    const std::unique_ptr<const GameText> text = game_text_of(config);
    const ModelConfig model = load_playing_model(config, *text);
    const Products products = products_named(config.model.products, model);
    log.write("model", "", {{"products", std::string(name_of(products))}});
    const std::int64_t wanted = parse_version(config, trust, bucket, version, stop);
    Follower follower(config, trust, model, bucket, log, wanted);
    follow_to(wanted, follower, stop);

    const Stopwatch stopwatch;
    WorkerSection worker = config.worker;
    worker.temperature = 1;
    const auto slots =
        static_cast<std::size_t>(std::min(config.worker.slots, config.evaluation.games));
    const std::unique_ptr<Backend> backend =
        make_cpu_backend(static_cast<int>(worker.threads), products);
    NativeEngine engine(model, *backend, engine_options(worker, *text, slots));
    follower.give_weights(engine);
    EnvClient env(env_options(config, trust.own));
    Player player(engine, env, *text, player_options(worker, slots));
    player.open_group(plan_evaluation(config.evaluation));
    const GroupSummary summary = summarize(play(player, env, slots, log, stop));

    const Replica& replica = follower.replica();
    log.write("evaluation",
              fmt::format("version {} | {} games | won {:.3f} | reward {:.3f} | {:.2f} turns | "
                          "valid {:.3f} | {:.1f} s | digest {}",
                          replica.version(), config.evaluation.games, summary.won_mean,
                          summary.reward_mean, summary.turns_mean, summary.valid_mean,
                          stopwatch.seconds(), replica.digest().hex()),
              {{"version", replica.version()},
               {"trainer_step", replica.trainer_step()},
               {"games", config.evaluation.games},
               {"win_rate", summary.won_mean},
               {"reward_mean", summary.reward_mean},
               {"turns_mean", summary.turns_mean},
               {"valid_mean", summary.valid_mean},
               {"seconds", stopwatch.seconds()},
               {"digest", replica.digest().hex()}});
    return 0;
}

}  // namespace dws
