#include "sync/ranks/rank_publisher.h"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

#include "tests/sync/rank_fixture.h"

namespace dws {
namespace {

TEST_F(Ranks, OneRecordHoldsTheFilesOfAllShards) {
    games_ = {{"worker", 0, 3, {1}, {}, {}}};
    expect_goes_on();
    ChainReader reader(bucket_, "run");
    std::optional<Record> last;
    for (Result<Record> record = reader.next(); record; record = reader.next()) last = *record;
    EXPECT_EQ(last->version, 1);
    EXPECT_EQ(last->objects.size(), table_.tiles()) << "a file per tile";
    EXPECT_EQ(last->digest, sum(digest_tiles(table_, trainer_.words())));
    EXPECT_EQ(last->games.size(), 1u);
    ASSERT_TRUE(ranks_[0]->finish({}));
    EXPECT_TRUE(log_end().has_ended);
}

TEST_F(Ranks, StepsMergeWhileAnAttemptIsOpen) {
    links_[2].hold("receipts");
    step(ranks_[0]->announcement());
    for (int later = 0; later < 5; ++later) {
        const Announcement said = ranks_[0]->announcement();
        EXPECT_FALSE(said.cut);
        step(said);
    }
    EXPECT_EQ(log_end().version, 0);
    links_[2].hold("");
    expect_goes_on();
    EXPECT_EQ(log_end().version, 2);
    EXPECT_EQ(log_end().trainer_step, 7);
}

TEST_F(Ranks, AReceiptThatDoesNotComeGivesTheAttemptUpAndLosesNothing) {
    receipt_wait_s_ = 0.05;
    lead();
    games_ = {{"worker", 0, 3, {1}, {}, {}}};
    links_[2].hold("objects");
    step(ranks_[0]->announcement());
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_TRUE(faults_.has("has not come within 0.05 s")) << faults_.all();
    EXPECT_EQ(log_end().version, 0);
    EXPECT_TRUE(ranks_[0]->has_unpublished());
    games_ = {{"worker", 3, 4, {}, {}, {}}};
    // The slow rank is still on the attempt before when the next one is announced.
    const Announcement said = ranks_[0]->announcement();
    step(said);
    links_[2].hold("");
    ASSERT_TRUE(ranks_[2]->settle({}));
    ASSERT_TRUE(ranks_[0]->settle({}));
    expect_goes_on();
    EXPECT_EQ(log_end().cursors.at("worker"), 4);
}

TEST_F(Ranks, AReceiptThatComesTooLateCountsForNothing) {
    receipt_wait_s_ = 0.05;
    lead();
    links_[2].hold("receipts");
    const Announcement given_up = ranks_[0]->announcement();
    step(given_up);
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_EQ(log_end().version, 0);
    links_[2].hold("");
    const std::string late = receipt_key("run", *given_up.cut, 2);
    EXPECT_TRUE(eventually([&] { return bucket_.objects().contains(late); }));
    ASSERT_TRUE(ranks_[2]->settle({}));
    EXPECT_EQ(log_end().version, 0);
    expect_goes_on();
}

TEST_F(Ranks, AnAnnouncementThatComesAgainIsIgnored) {
    const Announcement said = ranks_[0]->announcement();
    step(said);
    step(said);
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_EQ(log_end().version, 1);
    EXPECT_EQ(log_end().trainer_step, 1);
    expect_goes_on();
    EXPECT_EQ(log_end().trainer_step, 3);
}

TEST_F(Ranks, ACutIsAnnouncedOnceUntilItIsHandedOver) {
    EXPECT_TRUE(ranks_[0]->announcement().cut);
    EXPECT_FALSE(ranks_[0]->announcement().cut);
}

TEST_F(Ranks, AReportedFailureGivesTheAttemptUpAtOnce) {
    links_[1].refuse("objects");
    step(ranks_[0]->announcement());
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_TRUE(faults_.has("reports: no room for")) << faults_.all();
    EXPECT_EQ(log_end().version, 0);
    EXPECT_TRUE(eventually([&] { return ranks_[1]->failure().has_value(); }));
    EXPECT_FALSE(ranks_[1]->hand_over({}, {}));
    // Its successor begins from the log's version and repeats the steps since.
    links_[1].refuse("");
    follow(1, 0);
    Pending again;
    again.changes = diff(table_, trainer_.words_at_step(0), trainer_.words());
    again.trainer_step = 1;
    again.steps = 1;
    EXPECT_TRUE(ranks_[1]->hand_over(part_of(again, 1), {.committed_version = 0, .cut = {}}));
    expect_goes_on();
}

TEST_F(Ranks, ARankThatHoldsAnotherVersionStops) {
    follow(1, 3);
    step(ranks_[0]->announcement());
    EXPECT_TRUE(eventually([&] { return ranks_[1]->failure().has_value(); }));
    EXPECT_EQ(ranks_[1]->failure()->fault, Fault::wrong_base);
    EXPECT_EQ(log_end().version, 0);
}

TEST_F(Ranks, ARankThatWroteNoReceiptOfACommittedVersionStops) {
    links_[1].hold("objects");
    const Announcement said = ranks_[0]->announcement();
    EXPECT_TRUE(ranks_[1]->hand_over(part_of(trainer_.next_step(200), 1), said));
    EXPECT_TRUE(eventually([&] { return links_[1].is_holding(); }));
    Cut later = *said.cut;
    later.attempt = std::string(32, 'a');
    later.base_version = later.version++;
    EXPECT_TRUE(ranks_[1]->hand_over({}, {.committed_version = 1, .cut = later}));
    links_[1].hold("");
    EXPECT_TRUE(eventually([&] { return ranks_[1]->failure().has_value(); }));
    EXPECT_EQ(ranks_[1]->failure()->fault, Fault::wrong_base);
}

// Somebody wrote, where rank 2's receipt belongs, what must not pass for it.
TEST_F(Ranks, AWrongReceiptGivesTheAttemptUp) {
    const auto bend = [](ShardReceipt& receipt, int how) {
        if (how == 0) receipt.cut.attempt = std::string(32, 'b');
        if (how == 1) receipt.cut.epoch -= 1;
        if (how == 2) receipt.range = {0, 4};
        if (how == 3) receipt.rank = 1;
        if (how == 4) receipt.trainer_step += 1;
    };
    const std::vector<std::string> words{"attempt", "epoch", "tiles", "rank 1", "step", "not JSON"};
    for (int how = 0; how < 6; ++how) {
        SCOPED_TRACE(words[static_cast<std::size_t>(how)]);
        const std::int64_t version = log_end().version;
        const Announcement said = ranks_[0]->announcement();
        ASSERT_TRUE(said.cut);
        ShardReceipt receipt{.run = "run",
                             .cut = *said.cut,
                             .rank = 2,
                             .ranks = 3,
                             .range = shards_[2],
                             .objects = {},
                             .changed_words = 0,
                             .layout_hash = table_.layout_hash(),
                             .change = {},
                             .trainer_step = how + 1,
                             .failure = {}};
        bend(receipt, how);
        Bytes stored = encode_receipt(receipt);
        if (how == 5) stored[0] ^= std::byte{1};
        ASSERT_TRUE(bucket_.put(receipt_key("run", *said.cut, 2), stored));
        links_[2].hold("receipts");
        step(said);
        ASSERT_TRUE(ranks_[0]->settle({}));
        EXPECT_EQ(log_end().version, version);
        EXPECT_TRUE(faults_.has("version 1 is given up")) << faults_.all();
        EXPECT_TRUE(faults_.has("2.json")) << faults_.all();
    }
    for (std::size_t how = 0; how < 5; ++how) EXPECT_TRUE(faults_.has(words[how])) << faults_.all();
}

TEST_F(Ranks, AnotherProcessOfTheSameRankIsNoticed) {
    const Announcement said = ranks_[0]->announcement();
    ASSERT_TRUE(bucket_.put(receipt_key("run", *said.cut, 1), bytes_of("another's")));
    step(said);
    EXPECT_TRUE(eventually([&] { return ranks_[1]->failure().has_value(); }));
    EXPECT_EQ(ranks_[1]->failure()->fault, Fault::superseded);
    EXPECT_EQ(log_end().version, 0);
}

// The record is there, its answer is lost: the attempt is settled, not given up and not repeated.
TEST_F(Ranks, WhatIsInDoubtIsSettled) {
    bucket_.lose_answer_of("/log/");
    step(ranks_[0]->announcement());
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_EQ(ranks_[0]->committed_version(), 1);
    EXPECT_TRUE(faults_.has("out of reach")) << faults_.all();
    EXPECT_FALSE(faults_.has("given up"));
    expect_goes_on();
}

TEST_F(Ranks, LostAnswersOfReceiptsAndFilesAreWaitedOut) {
    bucket_.lose_answer_of("1.json");
    bucket_.lose_answer_of("objects/delta");
    expect_goes_on();
}

// Rank 0 dies with all receipts written and before its record: the next one goes on from the log.
TEST_F(Ranks, ANewRankZeroSettlesWhatTheOldOneLeft) {
    links_[0].hold("/log/");
    step(ranks_[0]->announcement());
    EXPECT_TRUE(eventually([&] { return links_[0].is_holding(); }));
    links_[0].refuse("/log/");
    links_[0].hold("");
    EXPECT_TRUE(eventually([&] { return ranks_[0]->failure().has_value(); }));
    links_[0].refuse("");
    lead();
    EXPECT_EQ(log_end().epoch, 3u);
    Pending again;
    again.changes = diff(table_, trainer_.words_at_step(0), trainer_.words());
    again.trainer_step = 1;
    again.steps = 1;
    EXPECT_TRUE(ranks_[0]->hand_over(part_of(again, 0), {.committed_version = 0, .cut = {}}));
    expect_goes_on();
    EXPECT_EQ(log_end().version, 1);
}

TEST_F(Ranks, TwoRankZerosCannotBothCommit) {
    auto second =
        RankPublisher::lead(bucket_, table_, shard(0),
                            {.run = "run", .shards = shards_, .doorbell = {}}, {}, log_end());
    ASSERT_TRUE(second) << second.error().detail;
    step(ranks_[0]->announcement());
    EXPECT_TRUE(eventually([&] { return ranks_[0]->failure().has_value(); }));
    EXPECT_EQ(ranks_[0]->failure()->fault, Fault::superseded);
    EXPECT_EQ(log_end().version, 0);
}

TEST_F(Ranks, AStepWithoutChangesIsAVersion) {
    const Announcement said = ranks_[0]->announcement();
    for (const auto& rank : ranks_) {
        Pending nothing;
        nothing.trainer_step = 0;
        nothing.steps = 1;
        EXPECT_TRUE(rank->hand_over(std::move(nothing), said));
    }
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_EQ(log_end().version, 1);
    expect_goes_on();
}

TEST_F(Ranks, ShardsThatDoNotFitTheTableAreRefused) {
    ShardOptions options = shard(1);
    options.shards[1].tiles += 1;
    EXPECT_THROW(RankPublisher::follow(bucket_, table_, options, {}, 0), std::runtime_error);
    options = shard(1);
    options.rank = 3;
    EXPECT_THROW(RankPublisher::follow(bucket_, table_, options, {}, 0), std::runtime_error);
    options = shard(1);
    options.encoding = Encoding::gap_delta;
    EXPECT_THROW(RankPublisher::follow(bucket_, table_, options, {}, 0), std::runtime_error);
}

}  // namespace
}  // namespace dws
