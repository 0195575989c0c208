// Three ranks of a trainer in one process, each with its own way to the bucket they share, and a
// follower that must notice nothing of them.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sync/chain.h"
#include "sync/ranks/rank_publisher.h"
#include "tests/support/test_run.h"

namespace dws {

// One rank's way to the bucket that all share: its writes of some keys wait or fail on request.
class RankLink : public Bucket {
public:
    explicit RankLink(Bucket& shared) : shared_(shared) {}

    // Writes whose key contains `part` wait until it is empty; so do they while stopped.
    void hold(const std::string& part) {
        const std::scoped_lock lock(mutex_);
        held_ = part;
    }
    // Writes whose key contains `part` fail for good.
    void refuse(const std::string& part) {
        const std::scoped_lock lock(mutex_);
        refused_ = part;
    }
    bool is_holding() const { return is_holding_; }

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        if (!pass(key)) return Error{Fault::corrupt, "no room for " + std::string(key)};
        return shared_.put(key, object);
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        if (!pass(key)) return Error{Fault::corrupt, "no room for " + std::string(key)};
        return shared_.put_if_absent(key, object);
    }
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        return shared_.get(key, range);
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        return shared_.list(prefix, what);
    }
    Result<Done> remove(std::string_view key) override { return shared_.remove(key); }

private:
    static bool contains(std::string_view key, const std::string& part) {
        return !part.empty() && key.find(part) != std::string_view::npos;
    }
    bool pass(std::string_view key) {
        const auto is_held = [&] {
            const std::scoped_lock lock(mutex_);
            return contains(key, held_);
        };
        is_holding_ = is_held();
        EXPECT_TRUE(eventually([&] { return !is_held(); })) << key;
        is_holding_ = false;
        const std::scoped_lock lock(mutex_);
        return !contains(key, refused_);
    }

    Bucket& shared_;
    std::atomic<bool> is_holding_ = false;
    std::mutex mutex_;
    std::string held_;     // guarded by mutex_
    std::string refused_;  // guarded by mutex_
};

class Ranks : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(trainer_.start_with_anchor());
        trainer_.publisher.reset();
        lead();
        for (std::size_t rank = 1; rank < 3; ++rank) follow(rank, 0);
    }
    void TearDown() override {
        for (RankLink& link : links_) link.hold("");
    }

    ShardOptions shard(std::size_t rank) const {
        return {.run = "run",
                .rank = rank,
                .shards = shards_,
                .encoding = Encoding::flat,
                .file_bytes = 1,
                .retry_wait_s = 0.01,
                .signer = signer_};
    }
    RankEvents events(std::size_t rank) {
        return {.committed = {}, .fault = [this, rank](const Error& error) {
                    faults_.add(std::to_string(rank) + ": " + error.detail);
                }};
    }
    ChainPosition log_end() {
        ChainReader reader(bucket_, "run");
        while (reader.next()) continue;
        return reader.position();
    }
    void lead() {
        ranks_[0].reset();
        auto led = RankPublisher::lead(links_[0], table_, shard(0),
                                       {.run = "run",
                                        .shards = shards_,
                                        .doorbell = {},
                                        .receipt_wait_s = receipt_wait_s_,
                                        .receipt_poll = std::chrono::milliseconds(2),
                                        .retry_wait_s = 0.01,
                                        .signer = signer_},
                                       events(0), log_end());
        ASSERT_TRUE(led) << led.error().detail;
        ranks_[0] = std::move(*led);
    }
    void follow(std::size_t rank, std::int64_t base_version) {
        ranks_[rank] =
            RankPublisher::follow(links_[rank], table_, shard(rank), events(rank), base_version);
    }

    Pending part_of(const Pending& step, std::size_t rank) const {
        Pending part;
        part.trainer_step = step.trainer_step;
        part.steps = step.steps;
        if (rank == 0) part.games = step.games;
        for (const auto& [tile, changes] : step.changes)
            if (shards_[rank].holds(tile)) part.changes.emplace(tile, changes);
        return part;
    }
    // One optimizer step on all ranks.
    void step(const Announcement& said) {
        Pending whole = trainer_.next_step(200);
        whole.games = std::exchange(games_, {});
        for (std::size_t rank = 0; rank < 3; ++rank) {
            EXPECT_TRUE(ranks_[rank]->hand_over(part_of(whole, rank), said));
        }
    }
    // Steps until what is handed over is committed; a short deadline may take several attempts.
    void expect_goes_on() {
        ASSERT_TRUE(ranks_[0]->settle({}));
        const std::int64_t before = ranks_[0]->committed_version();
        EXPECT_TRUE(eventually([&] {
            const Announcement said = ranks_[0]->announcement();
            EXPECT_TRUE(said.cut);
            step(said);
            return !ranks_[0]->settle({}) || ranks_[0]->committed_version() > before;
        })) << faults_.all();
        EXPECT_EQ(ranks_[0]->committed_version(), before + 1) << faults_.all();
        EXPECT_FALSE(ranks_[0]->has_unpublished());
        expect_followed();
    }
    // Every version in the log is, bit for bit, what the trainer had after its step.
    void expect_followed() {
        TestFollower follower(bucket_, table_);
        EXPECT_TRUE(follower.reach(log_end().version, [&] { expect_same(trainer_, follower); }))
            << follower.faults.all();
        expect_same(trainer_, follower);
    }

    double receipt_wait_s_ = 20;
    std::optional<Identity> signer_;  // of all ranks
    const ArrayTable table_ = small_table();
    const std::vector<ShardRange> shards_ = even_shards(table_, 3);
    FaultyBucket bucket_;
    std::array<RankLink, 3> links_{RankLink(bucket_), RankLink(bucket_), RankLink(bucket_)};
    TestTrainer trainer_{bucket_, table_, 11};
    std::vector<GamesConsumed> games_;
    Notes faults_;
    std::array<std::unique_ptr<RankPublisher>, 3> ranks_;
};

}  // namespace dws
