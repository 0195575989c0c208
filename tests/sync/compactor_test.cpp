#include "sync/upkeep/compactor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <random>
#include <set>

#include "sync/fetch.h"
#include "sync/road.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/walking_run.h"

namespace dws {
namespace {

constexpr std::size_t kWords = kTileWords;
constexpr float kLearningRate = 2e-6f;  // changes 6 % of the words a step: a delta of 0.024 anchors

CompactorOptions quick_options() {
    return {.costs = {}, .writing = {.run = "run", .retry_wait_s = 0.01, .fault = {}}};
}

struct Offers {
    std::set<std::string> jumps;  // keys, without the folder
    std::vector<FoldDecision> declined;
    std::vector<std::string> faults;
    std::vector<std::int64_t> starts;
    int again = 0;

    CompactorEvents events() {
        return {.started = [this](const Record& anchor, bool) { starts.push_back(anchor.version); },
                .offered =
                    [this](const WrittenJump& written, std::uint64_t) {
                        const Jump& jump = written.jump;
                        const std::string key = jump_key("run", jump.base_version, jump.version);
                        jumps.insert(key.substr(key.rfind('/') + 1));
                        again += written.is_new ? 0 : 1;
                    },
                .declined = [this](const FoldDecision& fold) { declined.push_back(fold); },
                .fault =
                    [this](const Error& error, const std::string& next_action) {
                        faults.push_back(error.detail + " -> " + next_action);
                    }};
    }
};

std::vector<FoundJump> jumps_in(Bucket& bucket) {
    Result<std::vector<FoundJump>> jumps =
        read_jumps(bucket, "run", [](const JumpEnds&) { return true; }, {});
    EXPECT_TRUE(jumps);
    return *std::move(jumps);
}

// What a newcomer would read for `target`, with jumps or without, and the words that come of it.
struct Newcomer {
    std::uint64_t bytes = 0;
    std::size_t pieces = 0;
    Digest digest;
};

Newcomer catch_up_by_road(Bucket& bucket, const WalkingRun& run, bool takes_jumps) {
    std::vector<Record> records = run.records;
    if (takes_jumps)
        for (const FoundJump& found : jumps_in(bucket)) records.push_back(found.jump->as_record());
    std::stable_sort(records.begin(), records.end(),
                     [](const Record& a, const Record& b) { return a.version < b.version; });
    std::vector<RoadPiece> pieces;
    for (const Record& record : records)
        pieces.push_back({record.base_version, record.version, fetched_bytes(record), &record});
    Newcomer newcomer;
    Bytes words(run.table.layout().size_bytes());
    const ObjectSource source = [&](const ObjectRef& object) {
        return fetch_object(bucket, "run", object);
    };
    for (const Record* piece : cheapest_road(pieces, -1, run.records.back().version)) {
        newcomer.bytes += fetched_bytes(*piece);
        newcomer.pieces += 1;
        if (piece->kind == RecordKind::anchor) {
            EXPECT_TRUE(read_anchor(run.table, *piece, source, words));
            continue;
        }
        const Result<Changes> changes = read_delta(run.table, *piece, words, source);
        EXPECT_TRUE(changes);
        if (changes) patch(run.table, *changes, words);
    }
    newcomer.digest = sum(digest_tiles(run.table, words));
    return newcomer;
}

TEST(Compactor, CatchingUpCostsAtMostAThirdMoreThanAnAnchorAtEveryVersion) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 1);
    Offers offers;
    Compactor compactor(bucket, quick_options(), offers.events());
    for (int version = 1; version <= 110; ++version) {
        run.publish(1);
        const Result<Done> done = compactor.catch_up({});
        ASSERT_TRUE(done) << done.error().detail;
        ASSERT_EQ(compactor.version(), version);
        ASSERT_LE(static_cast<double>(compactor.catch_up_bytes()),
                  1.3 * static_cast<double>(compactor.anchor_bytes()));
        if (version % 10 != 0) continue;
        const Newcomer newcomer = catch_up_by_road(bucket, run, true);
        const Newcomer replay = catch_up_by_road(bucket, run, false);
        EXPECT_LE(static_cast<double>(newcomer.bytes),
                  1.3 * static_cast<double>(run.anchor_bytes()));
        EXPECT_LE(newcomer.bytes, replay.bytes);
        EXPECT_LE(newcomer.bytes, compactor.catch_up_bytes());
        EXPECT_EQ(newcomer.digest, run.digest());
    }
    EXPECT_TRUE(offers.faults.empty());
    const auto anchors = static_cast<std::size_t>(
        std::count_if(offers.jumps.begin(), offers.jumps.end(),
                      [](const std::string& key) { return key.starts_with("none"); }));
    EXPECT_GE(anchors, 1u);
    EXPECT_GE(offers.jumps.size() - anchors, 5u);
}

TEST(Compactor, WhoComesLateOffersOneAnchorAndTheSameRoads) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 2);
    run.publish(128);
    Offers offers;
    Compactor compactor(bucket, quick_options(), offers.events());
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(offers.jumps.count("none-000000000128.json"), 1u);
    EXPECT_EQ(std::count_if(offers.jumps.begin(), offers.jumps.end(),
                            [](const std::string& key) { return key.starts_with("none"); }),
              1);
    EXPECT_EQ(offers.jumps.count("000000000064-000000000128.json"), 1u);
    const Newcomer newcomer = catch_up_by_road(bucket, run, true);
    EXPECT_LE(newcomer.bytes, static_cast<std::uint64_t>(1.3 * 2 * kWords));
    EXPECT_EQ(newcomer.digest, run.digest());
}

// Every single jump leads where it says.
TEST(Compactor, EveryFoldTurnsItsBaseIntoItsVersion) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 3);
    run.publish(64);
    Compactor compactor(bucket, quick_options(), {});
    ASSERT_TRUE(compactor.catch_up({}));
    const ObjectSource source = [&](const ObjectRef& object) {
        EXPECT_TRUE(holds_words(object));
        return fetch_object(bucket, "run", object);
    };
    std::vector<Bytes> words{Bytes(run.table.layout().size_bytes())};
    ASSERT_TRUE(read_anchor(run.table, run.records[0], source, words[0]));
    for (std::size_t version = 1; version < run.records.size(); ++version) {
        words.push_back(words.back());
        const auto changes = read_delta(run.table, run.records[version], words.back(), source);
        ASSERT_TRUE(changes);
        patch(run.table, *changes, words.back());
    }
    std::size_t folds = 0;
    for (const FoundJump& found : jumps_in(bucket)) {
        const Record& target = run.records.at(static_cast<std::size_t>(found.ends.version));
        EXPECT_EQ(found.jump->digest, target.digest);
        EXPECT_EQ(found.jump->sequence, target.sequence);
        if (found.jump->kind != RecordKind::delta) continue;
        Bytes base = words.at(static_cast<std::size_t>(found.ends.base_version));
        const auto changes = read_delta(run.table, found.jump->as_record(), base, source);
        ASSERT_TRUE(changes);
        EXPECT_EQ(count(*changes), found.jump->changed_words);
        patch(run.table, *changes, base);
        EXPECT_EQ(base, words.at(static_cast<std::size_t>(found.ends.version)));
        folds += 1;
    }
    EXPECT_EQ(folds, 9u);
}

TEST(Compactor, WhoRestartsAfterEveryVersionOffersTheSameAndNothingTwice) {
    FaultyBucket steady_bucket;
    FaultyBucket restarted_bucket;
    WalkingRun steady_run(steady_bucket, kWords, kLearningRate, 4);
    WalkingRun restarted_run(restarted_bucket, kWords, kLearningRate, 4);
    Offers steady;
    Offers restarted;
    Compactor compactor(steady_bucket, quick_options(), steady.events());
    for (int version = 1; version <= 40; ++version) {
        steady_run.publish(1);
        restarted_run.publish(1);
        ASSERT_TRUE(compactor.catch_up({}));
        Compactor fresh(restarted_bucket, quick_options(), restarted.events());
        ASSERT_TRUE(fresh.catch_up({}));
    }
    EXPECT_EQ(restarted.jumps, steady.jumps);
    EXPECT_EQ(restarted.again, 0);
    EXPECT_EQ(restarted_bucket.counts().puts, steady_bucket.counts().puts);
}

TEST(Compactor, AFoldThatNobodyReadsIsNotWritten) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 5);
    run.publish(9);
    CompactorOptions options = quick_options();
    options.costs.expected_readers = 0;
    Offers offers;
    Compactor compactor(bucket, options, offers.events());
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_TRUE(jumps_in(bucket).empty());
    ASSERT_EQ(offers.declined.size(), 1u);
    EXPECT_EQ(offers.declined[0].version, 8);
    EXPECT_EQ(offers.declined[0].most_bytes, 0u);
}

TEST(Compactor, AnAnchorOfTheLogBeginsTheFoldsAnew) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 6);
    run.publish(5);
    run.publish_anchor();  // version 6
    run.publish(8);
    Offers offers;
    Compactor compactor(bucket, quick_options(), offers.events());
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(offers.starts, (std::vector<std::int64_t>{6}));
    EXPECT_EQ(offers.jumps, (std::set<std::string>{"000000000006-000000000014.json"}));
}

TEST(Compactor, ALostAnswerOfTheEntryIsNoSecondOffer) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 7);
    run.publish(8);
    bucket.lose_answer_of("/jumps/");
    Offers offers;
    Compactor compactor(bucket, quick_options(), offers.events());
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(jumps_in(bucket).size(), 1u);
    EXPECT_EQ(offers.again, 1);
}

// One call in ten fails before anything is done.
class FlakyBucket : public Bucket {
public:
    FlakyBucket(Bucket& bucket, std::uint64_t seed) : bucket_(bucket), random_(seed) {}

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        return fails() ? Result<Done>(kFault) : bucket_.put(key, object);
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        return fails() ? Result<PutOutcome>(kFault) : bucket_.put_if_absent(key, object);
    }
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        return fails() ? Result<Bytes>(kFault) : bucket_.get(key, range);
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        return fails() ? Result<std::vector<std::string>>(kFault) : bucket_.list(prefix, what);
    }
    Result<Done> remove(std::string_view key) override { return bucket_.remove(key); }

private:
    bool fails() {
        std::scoped_lock lock(mutex_);
        return random_() % 10 == 0;
    }

    const Error kFault{Fault::transport, "out of reach"};
    Bucket& bucket_;
    std::mutex mutex_;
    Random random_;  // guarded by mutex_
};

TEST(Compactor, OutagesChangeNothingThatIsOffered) {
    FaultyBucket calm_bucket;
    FaultyBucket bucket;
    WalkingRun calm_run(calm_bucket, kWords, kLearningRate, 17);
    WalkingRun run(bucket, kWords, kLearningRate, 17);
    calm_run.publish(40);
    run.publish(40);
    Offers calm;
    Compactor first(calm_bucket, quick_options(), calm.events());
    ASSERT_TRUE(first.catch_up({}));
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(seed);
    FlakyBucket flaky(bucket, seed);
    Offers offers;
    Compactor compactor(flaky, quick_options(), offers.events());
    int tries = 1;
    while (!compactor.catch_up({})) ASSERT_LT(++tries, 1'000);
    EXPECT_GT(tries, 1);
    EXPECT_EQ(offers.jumps, calm.jumps);
    EXPECT_EQ(compactor.version(), 40);
}

// Stopped anywhere it can be called again.
TEST(Compactor, WhoIsStoppedGoesOnWhenCalledAgain) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 18);
    run.publish(16);
    Offers offers;
    std::stop_source stop;
    CompactorEvents events = offers.events();
    const auto offered = events.offered;
    events.offered = [&](const WrittenJump& written, std::uint64_t road_bytes) {
        offered(written, road_bytes);
        stop.request_stop();
    };
    Compactor compactor(bucket, quick_options(), events);
    const Result<Done> stopped = compactor.catch_up(stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().fault, Fault::transport);
    EXPECT_EQ(compactor.version(), 8);
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(compactor.version(), 16);
    EXPECT_TRUE(offers.jumps.contains("000000000008-000000000016.json"));
    EXPECT_EQ(offers.again, 0);
}

TEST(Compactor, WaitsForAMissingObjectAndGoesOn) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 8);
    run.publish(8);
    const std::string key = "run/" + run.records[4].objects.front().key;
    bucket.hide(key);
    Compactor compactor(bucket, quick_options(), {});
    const Result<Done> missing = compactor.catch_up({});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().fault, Fault::missing);
    EXPECT_EQ(compactor.version(), 3);
    bucket.heal(key);
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(compactor.version(), 8);
    EXPECT_EQ(jumps_in(bucket).size(), 1u);
}

TEST(Compactor, GoesOnFromALaterAnchorWhereTheRoadIsGone) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 9);
    run.publish(3);
    Offers offers;
    Compactor compactor(bucket, quick_options(), offers.events());
    ASSERT_TRUE(compactor.catch_up({}));
    run.publish(3);
    run.publish_anchor();  // version 7
    bucket.hide("run/" + run.records[5].objects.front().key);
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(offers.starts, (std::vector<std::int64_t>{0, 7}));
    EXPECT_EQ(compactor.version(), 7);
}

TEST(Compactor, ADamagedAnchorIsPassedOverForAnEarlierOne) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 10);
    run.publish(3);
    run.publish_anchor();
    bucket.flip("run/" + run.records[4].objects.front().key, 8'000);
    Offers offers;
    Compactor compactor(bucket, quick_options(), offers.events());
    EXPECT_FALSE(compactor.catch_up({}));  // and the log leads through it
    EXPECT_EQ(offers.starts, (std::vector<std::int64_t>{0}));
    EXPECT_EQ(compactor.version(), 3);
    bucket.heal("run/" + run.records[4].objects.front().key);
    ASSERT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(compactor.version(), 4);
}

// Found by a restarted compactor, which must not build on it.
TEST(Compactor, AJumpThatNamesAnotherRecordIsPassedOver) {
    FaultyBucket bucket;
    WalkingRun run(bucket, kWords, kLearningRate, 11);
    run.publish(10);
    CompactorOptions options = quick_options();
    options.costs.anchor_share = 0.05;
    Compactor first(bucket, options, {});
    ASSERT_TRUE(first.catch_up({}));
    for (const FoundJump& found : jumps_in(bucket)) {
        if (found.ends.base_version >= 0) continue;
        Jump wrong = *found.jump;
        wrong.record_sha256 = std::string(64, '0');
        ASSERT_TRUE(bucket.put(found.key, encode_jump(wrong)));
    }
    Offers offers;
    Compactor second(bucket, options, offers.events());
    ASSERT_TRUE(second.catch_up({}));
    EXPECT_EQ(offers.starts, (std::vector<std::int64_t>{0}));
    EXPECT_EQ(offers.again, 1);  // the entry cannot be replaced
    ASSERT_EQ(offers.faults.size(), 1u);
    EXPECT_NE(offers.faults[0].find("the record's SHA-256"), std::string::npos) << offers.faults[0];
}

TEST(Compactor, ARunWithoutALogIsMissing) {
    FaultyBucket bucket;
    Compactor compactor(bucket, quick_options(), {});
    const Result<Done> none = compactor.catch_up({});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().fault, Fault::missing);
    EXPECT_EQ(compactor.version(), -1);
    WalkingRun run(bucket, kWords, kLearningRate, 12);
    EXPECT_TRUE(compactor.catch_up({}));
    EXPECT_EQ(compactor.version(), 0);
}

}  // namespace
}  // namespace dws
