// A trainer and followers of it, in one process: what publisher and subscriber are tested with.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/require.h"
#include "sync/publisher.h"
#include "sync/replica.h"
#include "sync/subscriber.h"
#include "tests/support/encode_step.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/random_arrays.h"

namespace dws {

// Looks every millisecond. The limit is far above what any test needs, even under a sanitizer.
inline bool eventually(const std::function<bool()>& is_so, double limit_s = 20) {
    const Stopwatch waited;
    while (!is_so()) {
        if (waited.seconds() > limit_s) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

// Three arrays, four tiles: small enough that a test may keep every version.
inline ArrayTable small_table() {
    return make_table({{"norm.weight", DType::kBF16, {96}},
                       {"embed.weight", DType::kBF16, {700, 100}},
                       {"head.weight", DType::kBF16, {50, 40}}});
}

// Lines said on other threads.
class Notes {
public:
    void add(std::string note) {
        std::scoped_lock lock(mutex_);
        notes_.push_back(std::move(note));
    }
    std::size_t count(const std::string& part) const {
        std::scoped_lock lock(mutex_);
        std::size_t found = 0;
        for (const std::string& note : notes_) found += note.find(part) != std::string::npos;
        return found;
    }
    bool has(const std::string& part) const { return count(part) > 0; }
    std::string all() const {
        std::scoped_lock lock(mutex_);
        std::string text;
        for (const std::string& note : notes_) text += note + "\n";
        return text;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> notes_;  // guarded by mutex_
};

// Changes random words and publishes them; remembers what every step's words were.
class TestTrainer {
public:
    TestTrainer(Bucket& bucket, const ArrayTable& table, std::uint64_t seed)
        : bucket_(bucket), table_(table), random_(seed), words_(random_words(table, random_)) {
        // What diff() sees are words: the gaps between arrays stay as a replica has them.
        Bytes clean(words_.size());
        patch(table_, diff(table_, clean, words_), clean);
        words_ = std::move(clean);
    }

    PublisherOptions options;  // "run", with short waits; may be changed before a start
    Notes faults;

    // Starts a new run, without its anchor.
    Result<Done> start() {
        complete_options();
        auto started = Publisher::start_new(bucket_, table_, options, events());
        if (!started) return started.error();
        publisher = std::move(*started);
        return Done{};
    }
    Result<Done> start_with_anchor() {
        const Result<Done> started = start();
        if (!started) return started;
        remember();
        return publisher->publish_anchor(words_, step_, {});
    }
    Result<Done> resume(const ChainPosition& position) {
        complete_options();
        auto resumed = Publisher::resume(bucket_, table_, options, events(), position);
        if (!resumed) return resumed.error();
        publisher = std::move(*resumed);
        return Done{};
    }

    // One optimizer step that changes `changes` random words or fewer.
    Pending next_step(std::size_t changes) {
        Bytes next = words_;
        for (std::size_t change = 0; change < changes; ++change) {
            const Tile tile = table_.tile(random_() % table_.tiles());
            write_word(next, tile, random_() % tile.words, static_cast<std::uint32_t>(random_()));
        }
        return step_to(next);
    }
    Pending step_to(const Bytes& next) {
        Pending step;
        step.changes = diff(table_, words_, next);
        step.trainer_step = ++step_;
        step.steps = 1;
        words_ = next;
        remember();
        return step;
    }
    // Back to the words of an earlier step.
    Pending roll_back_to(std::int64_t trainer_step) {
        const Bytes back = words_at_step(trainer_step);
        Pending step = step_to(back);
        step_ = step.trainer_step = trainer_step;
        step.steps = 0;
        step.is_rollback = true;
        remember();
        return step;
    }
    bool publish_step(std::size_t changes) { return publisher->hand_over(next_step(changes)); }
    // The same step, encoded as an optimizer does for an idle publisher.
    bool publish_encoded_step(std::size_t changes) {
        const Bytes before = words_;
        const Pending step = next_step(changes);
        if (!encoder_) encoder_.emplace(table_, options.encoding, 1);
        EncodedStep encoded = encode_step(table_, before, words_, *encoder_, 1);
        encoded.trainer_step = step.trainer_step;
        return publisher->hand_over(std::move(encoded));
    }
    // One version of its own.
    bool publish_version(std::size_t changes) {
        return publish_step(changes) && publisher->flush({});
    }

    const Bytes& words() const { return words_; }
    Bytes words_at_step(std::int64_t step) const {
        std::scoped_lock lock(mutex_);
        return by_step_.at(step);
    }
    std::vector<PublishedVersion> published() const {
        std::scoped_lock lock(mutex_);
        return published_;
    }
    std::string object_key(std::size_t version) const {
        return options.run + "/" + published().at(version).record.objects.front().key;
    }

private:
    void complete_options() {
        if (options.run.empty()) options.run = "run";
        options.retry_wait_s = 0.01;
    }
    PublisherEvents events() {
        return {.published =
                    [this](const PublishedVersion& version) {
                        std::scoped_lock lock(mutex_);
                        published_.push_back(version);
                    },
                .fault = [this](const Error& error) { faults.add(error.detail); }};
    }
    void remember() {
        std::scoped_lock lock(mutex_);
        by_step_[step_] = words_;
    }

    Bucket& bucket_;
    const ArrayTable& table_;
    Random random_;
    Bytes words_;
    std::int64_t step_ = 0;
    std::optional<StepEncoder> encoder_;
    mutable std::mutex mutex_;
    std::map<std::int64_t, Bytes> by_step_;    // guarded by mutex_
    std::vector<PublishedVersion> published_;  // guarded by mutex_

public:
    std::unique_ptr<Publisher> publisher;  // last member: its thread ends first
};

// A worker's weights, following a run. Commits on the test's thread.
class TestFollower {
public:
    // copies: of the weights, 1 or 2.
    TestFollower(Bucket& bucket, const ArrayTable& table, SubscriberOptions options = {},
                 int copies = 1)
        : words_(table.layout().size_bytes()),
          spare_(copies == 1 ? 0 : words_.size()),
          replica_(table, words_, spare_) {
        if (options.run.empty()) options.run = "run";
        if (options.poll == std::chrono::milliseconds{1000})
            options.poll = std::chrono::milliseconds{5};
        subscriber = std::make_unique<Subscriber>(bucket, replica_, options, events());
    }

    Notes faults;   // detail and next action
    Notes rescans;  // "ok" or the error
    std::vector<CommitReport> commits;

    // Commits what is staged, if anything.
    bool commit_staged() {
        if (!subscriber->has_staged()) return false;
        commits.push_back(subscriber->commit());
        return true;
    }
    // Commits until the version is held. Calls look() after every commit.
    bool reach(
        std::int64_t version, const std::function<void()>& look = [] {}) {
        return eventually([&] {
            if (commit_staged()) look();
            return replica_.version() >= version;
        });
    }
    bool complete(const std::function<void()>& look = [] {}) {
        return eventually([&] {
            if (commit_staged()) look();
            return subscriber->is_complete();
        });
    }
    bool is_at_rest() const { return subscriber->state() == SubscriberState::waiting; }

    // Held words, and the replica; not while a commit is under way.
    Bytes words() const { return {replica_.words().begin(), replica_.words().end()}; }
    const Replica& replica() const { return replica_; }
    // Damages live memory, of a follower with one copy. Only at rest: nobody reads it then.
    void flip(const ArrayTable& table, std::size_t tile, std::size_t position) {
        const Tile place = table.tile(tile);
        write_word(words_, place, position, read_word(words_, place, position) ^ 1u);
    }

private:
    SubscriberEvents events() {
        return {.rescanned =
                    [this](std::int64_t version, std::size_t, const Error* error) {
                        rescans.add(error == nullptr ? "ok " + std::to_string(version)
                                                     : "error " + std::to_string(version) + ": " +
                                                           error->detail);
                    },
                .fault =
                    [this](const Error& error, const std::string& next_action) {
                        faults.add(error.detail + " -> " + next_action);
                    }};
    }

    Bytes words_;
    Bytes spare_;
    Replica replica_;

public:
    std::unique_ptr<Subscriber> subscriber;  // last member: its thread ends first
};

// After every commit the follower holds, bit for bit, what the trainer had at that step.
inline void expect_same(const TestTrainer& trainer, const TestFollower& follower) {
    EXPECT_EQ(follower.words(), trainer.words_at_step(follower.replica().trainer_step()))
        << "version " << follower.replica().version();
}

// A run in memory with anchor 0 and some deltas, not ended.
struct PublishedRun {
    explicit PublishedRun(std::uint64_t seed, int deltas,
                          const std::optional<Identity>& signer = {})
        : trainer(bucket, table, seed) {
        trainer.options.signer = signer;
        EXPECT_TRUE(trainer.start_with_anchor());
        for (int delta = 0; delta < deltas; ++delta) EXPECT_TRUE(trainer.publish_version(300));
    }
    const ArrayTable table = small_table();
    FaultyBucket bucket;
    TestTrainer trainer;
};

}  // namespace dws
