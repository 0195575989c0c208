#include "experiments/load/follower_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"
#include "experiments/bench_clock.h"
#include "experiments/load/follower.h"
#include "sync/publisher.h"

namespace dws {
namespace {

// Staged versions are looked for this often: short beside every latency
// measured, and 100 loads of an atomic each time.
constexpr double kLook_s = 200e-6;
constexpr double kArrival_s = 60;  // a version that takes longer to reach a follower never will

ArrayTable table_of(int words) {
    const std::int64_t width = 256;
    return *ArrayTable::make(TensorLayout(
        {{"weights", DType::kBF16, {std::max<std::int64_t>(1, words / width), width}}}));
}

// Weights that change at random places; no word changes to itself.
class Weights {
public:
    Weights(const ArrayTable& table, double changed_share, std::uint64_t seed)
        : table_(table),
          changes_(static_cast<std::size_t>(changed_share * static_cast<double>(table.words()))),
          random_(seed),
          words_(table.layout().size_bytes()) {
        for (std::size_t tile = 0; tile < table.tiles(); ++tile)
            for (std::size_t word = 0; word < table.tile(tile).words; ++word)
                write_word(words_, table.tile(tile), word, random_() & 0x3fff);
    }

    const Bytes& words() const { return words_; }

    Pending step() {
        Bytes next = words_;
        for (std::size_t change = 0; change < changes_; ++change) {
            const Tile tile = table_.tile(random_() % table_.tiles());
            const std::size_t word = random_() % tile.words;
            write_word(next, tile, word, read_word(words_, tile, word) ^ 1u);
        }
        Pending step;
        step.changes = diff(table_, words_, next);
        step.trainer_step = ++steps_;
        step.steps = 1;
        words_ = std::move(next);
        return step;
    }

private:
    const ArrayTable& table_;
    const std::size_t changes_;
    std::mt19937_64 random_;
    Bytes words_;
    std::int64_t steps_ = 0;
};

template <class Value>
Value must(Result<Value> result) {
    if (!result) throw std::runtime_error(result.error().detail);
    return std::move(*result);
}

}  // namespace

struct FollowerRun::Parts {
    const FollowerLoad load;
    const std::stop_token stop;
    const ArrayTable table;
    Weights weights;
    const Identity trainer = Identity::generate();
    std::unique_ptr<Bucket> bucket;  // the publisher's
    std::int64_t version = 0;        // the newest
    std::unique_ptr<Publisher> publisher;

    std::mutex mutex;
    Digest digest;                                     // guarded by mutex; of the newest version
    std::vector<std::unique_ptr<Follower>> followers;  // guarded by mutex
    std::jthread committer;                            // last member: joined first

    Parts(const FollowerLoad& load_, std::stop_token stop_)
        : load(load_),
          stop(std::move(stop_)),
          table(table_of(load.words)),
          weights(table, load.changed_share, load.seed),
          bucket(open_bucket(load.bucket_uri, {}, {}, stop)) {
        if (!load.memory.empty()) std::filesystem::create_directories(load.memory);
        PublisherOptions options;
        options.run = load.run;
        options.doorbell = load.doorbell_inside;
        options.signer = trainer;
        const auto published = [this](const PublishedVersion& done) {
            const std::scoped_lock lock(mutex);
            digest = done.record.digest;
        };
        publisher = must(
            Publisher::start_new(*bucket, table, options, {.published = published, .fault = {}}));
        must(publisher->publish_anchor(weights.words(), 0, {}, stop));
        committer = std::jthread([this](std::stop_token end) { commit_all(end); });
    }

    void commit_all(const std::stop_token& end) {
        while (!sleep_or_stop(kLook_s, end)) {
            const std::scoped_lock lock(mutex);
            for (const auto& follower : followers) follower->commit_staged();
        }
    }

    void join(std::size_t wanted) {
        SubscriberOptions options;
        options.run = load.run;
        options.doorbell = load.doorbell_outside;
        options.trust.log = trainer.shared();
        options.poll = std::chrono::milliseconds(static_cast<std::int64_t>(load.poll_ms));
        while (followers.size() < wanted) {
            if (!load.memory.empty())
                options.trust.memory = load.memory / std::to_string(followers.size());
            auto follower = std::make_unique<Follower>(load.bucket_uri, table, options, stop);
            const std::scoped_lock lock(mutex);
            followers.push_back(std::move(follower));
        }
    }

    void wait_for_all() {
        const Stopwatch waited;
        while (true) {
            {
                const std::scoped_lock lock(mutex);
                if (std::ranges::all_of(followers, [&](const auto& follower) {
                        return follower->version() == version;
                    }))
                    return;
            }
            if (sleep_or_stop(0.01, stop)) throw std::runtime_error("stopped");
            if (waited.seconds() > kArrival_s) throw std::runtime_error(late());
        }
    }

    std::string late() {
        const std::scoped_lock lock(mutex);
        std::string why;
        std::size_t missing = 0;
        for (const auto& follower : followers) {
            if (follower->version() == version) continue;
            missing += 1;
            why = follower->last_fault();
        }
        return fmt::format("version {} has not reached {} of {} followers in {} s; {}", version,
                           missing, followers.size(), kArrival_s,
                           why.empty() ? "they named no fault" : why);
    }

    // version -> when its step was handed over.
    std::map<std::int64_t, double> publish(int versions, Latencies& latencies) {
        std::map<std::int64_t, double> handed_over_at_s;
        const double start_s = monotonic_s();
        for (int i = 0; i < versions; ++i) {
            Pending step = weights.step();
            const double due_s = start_s + 1e-3 * load.interval_ms * i;
            if (sleep_or_stop(due_s - monotonic_s(), stop)) throw std::runtime_error("stopped");
            const Stopwatch publishing;
            handed_over_at_s[++version] = monotonic_s();
            if (!publisher->hand_over(std::move(step)) || !publisher->flush(stop))
                throw std::runtime_error("the publisher has stopped");
            latencies.add(publishing.ms());
        }
        return handed_over_at_s;
    }

    std::uint64_t sum_of(std::uint64_t (Follower::*count)() const) {
        const std::scoped_lock lock(mutex);
        std::uint64_t sum = 0;
        for (const auto& follower : followers) sum += (*follower.*count)();
        return sum;
    }

    void take_commits(const std::map<std::int64_t, double>& handed_over_at_s,
                      FollowerCounts& counts) {
        const std::scoped_lock lock(mutex);
        for (const auto& [number, handed_over_s] : handed_over_at_s) {
            double last_ms = 0;
            for (const auto& follower : followers) {
                const auto commit = follower->committed_at_s().find(number);
                if (commit == follower->committed_at_s().end()) {
                    counts.failures += 1;
                    continue;
                }
                const double ms = 1e3 * (commit->second - handed_over_s);
                counts.commit.add(ms);
                last_ms = std::max(last_ms, ms);
            }
            counts.last.add(last_ms);
        }
        for (const auto& follower : followers) counts.failures += follower->holds(digest) ? 0 : 1;
    }
};

FollowerRun::FollowerRun(const FollowerLoad& load, std::stop_token stop)
    : parts_(std::make_unique<Parts>(load, std::move(stop))) {}

FollowerRun::~FollowerRun() = default;

FollowerCounts FollowerRun::measure(int followers, int versions) {
    Parts& run = *parts_;
    require(static_cast<std::size_t>(followers) >= run.followers.size(), "followers only join");
    run.join(static_cast<std::size_t>(followers));
    run.wait_for_all();

    FollowerCounts counts;
    counts.followers = followers;
    counts.versions = versions;
    const std::uint64_t gets = run.sum_of(&Follower::gets);
    const std::uint64_t rescans = run.sum_of(&Follower::rescans);
    const double processor_s = processor_seconds();
    const auto handed_over_at_s = run.publish(versions, counts.publish);
    run.wait_for_all();
    run.take_commits(handed_over_at_s, counts);
    const auto commits = static_cast<double>(std::max<std::size_t>(1, counts.commit.count()));
    counts.processor_ms_per_commit = 1e3 * (processor_seconds() - processor_s) / commits;
    counts.gets_per_commit = static_cast<double>(run.sum_of(&Follower::gets) - gets) / commits;
    counts.rescans = run.sum_of(&Follower::rescans) - rescans;
    counts.failures += run.sum_of(&Follower::failures);
    return counts;
}

}  // namespace dws
