// Followers that pin the trainer's key: nothing that a stranger writes reaches a weight.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sync/envelope.h"
#include "sync/sha256.h"
#include "sync/state_loader.h"
#include "sync/upkeep/compactor.h"
#include "tests/support/jumps.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

struct SignedRun : PublishedRun {
    SignedRun(std::uint64_t seed, int deltas) : SignedRun(seed, deltas, Identity::generate()) {}
    SignedRun(std::uint64_t seed, int deltas, const Identity& identity)
        : PublishedRun(seed, deltas, identity), key(identity) {}

    const Identity key;
    SubscriberOptions options() const {
        SubscriberOptions options;
        options.trust.log = key.shared();
        return options;
    }
    ChainPosition end() {
        ChainReader reader(bucket, "run");
        while (reader.next()) continue;
        return reader.position();
    }
    // The version that would come next, with its files in the bucket.
    Record next_version() {
        const Record last = trainer.published().back().record;
        const Bytes base = trainer.words();
        trainer.next_step(50);
        Record draft;
        draft.kind = RecordKind::delta;
        draft.base_version = last.version;
        draft.version = last.version + 1;
        draft.total_words = last.total_words;
        draft.layout_hash = last.layout_hash;
        draft.trainer_step = last.trainer_step + 1;
        draft.digest = sum(digest_tiles(table, trainer.words()));
        const Changes changes = diff(table, base, trainer.words());
        draft.changed_words = count(changes);
        encode_delta(table, changes, draft.version, Encoding::raw, 1u << 20, [&](Bytes file) {
            const std::string sha256 = sha256_hex(file);
            draft.objects.push_back({"objects/x-" + sha256.substr(0, 16), file.size(), sha256});
            return bool(bucket.put("run/" + draft.objects.back().key, file));
        });
        return draft;
    }
};

using Attack = std::function<void(SignedRun&)>;

void commit_as(SignedRun& run, const std::optional<Identity>& signer, Record draft) {
    const bool is_epoch = draft.kind == RecordKind::epoch;
    ChainPosition end = run.end();
    const std::uint64_t epoch = is_epoch ? end.epoch + 1 : end.epoch;
    ChainWriter writer(run.bucket, "run", std::move(end), epoch, signer);
    const Result<Record> record = writer.commit(std::move(draft));
    ASSERT_TRUE(record) << record.error().detail;
}

// By name: what somebody with the bucket's write key does at the log's end, and why it is refused.
std::vector<std::pair<std::string, Attack>> attacks() {
    const auto end_record = [] {
        Record draft;
        draft.kind = RecordKind::end;
        return draft;
    };
    const auto rotation = [](const Identity& next) {
        Record draft;
        draft.next_key = next.shared().text();
        return draft;
    };
    const auto copy = [](SignedRun& run, const std::string& from) {
        const Bytes stored = run.bucket.objects().at(from);
        ASSERT_TRUE(run.bucket.put(log_key("run", run.end().next_sequence), stored));
    };
    return {
        {"is not signed", [](SignedRun& run) { commit_as(run, {}, run.next_version()); }},
        {"is signed by key",
         [](SignedRun& run) { commit_as(run, Identity::generate(), run.next_version()); }},
        {"is not signed", [=](SignedRun& run) { commit_as(run, {}, end_record()); }},
        {"is not signed", [=](SignedRun& run) { commit_as(run, {}, Record{}); }},
        {"is signed by key",
         [=](SignedRun& run) {
             const Identity thief = Identity::generate();
             commit_as(run, thief, rotation(thief));
         }},
        {"belongs", [=](SignedRun& run) { copy(run, log_key("run", 1)); }},
        {"is of run other",
         [=](SignedRun& run) {
             ChainWriter other(run.bucket, "other", {}, 1, run.key);
             ASSERT_TRUE(other.commit(Record{}));
             copy(run, log_key("other", 0));
         }},
        {"names previous record",
         [](SignedRun& run) {
             const ChainPosition end = run.end();
             Record record = *decode_record(run.bucket.objects().at(log_key("run", 2)));
             record.sequence = end.next_sequence;
             record.version = end.version + 1;
             record.base_version = end.version;
             ASSERT_TRUE(run.bucket.put(log_key("run", end.next_sequence),
                                        sign_envelope(encode_record(record), run.key)));
         }},
        {"is not what key",
         [](SignedRun& run) {
             const ChainPosition end = run.end();
             Record record = *decode_record(run.bucket.objects().at(log_key("run", 2)));
             record.sequence = end.next_sequence;
             record.version = end.version + 1;
             record.base_version = end.version;
             record.previous_sha256 = end.last_sha256;
             const Bytes sound = sign_envelope(encode_record(record), run.key);
             const std::string stored(text_of(sound));
             record.objects.front().size_bytes += 1;
             std::string forged(text_of(encode_record(record)));
             forged.resize(forged.find(R"("signatures")"));
             forged += stored.substr(stored.find(R"("signatures")"));
             const std::string key = log_key("run", end.next_sequence);
             ASSERT_TRUE(run.bucket.put(key, bytes_of(forged)));
         }},
    };
}

TEST(SignedFollower, RefusesEveryAttackAndTouchesNoWeight) {
    std::uint64_t seed = 300;
    for (const auto& [why, attack] : attacks()) {
        SCOPED_TRACE(testing::Message() << why << ", seed " << seed);
        SignedRun run(seed++, 2);
        TestFollower follower(run.bucket, run.table, run.options());
        ASSERT_TRUE(follower.reach(2));
        ASSERT_TRUE(eventually([&] { return follower.is_at_rest(); }));
        const Bytes words = follower.words();
        attack(run);
        ASSERT_TRUE(eventually([&] { return follower.subscriber->failure().has_value(); }));
        const Error error = *follower.subscriber->failure();
        EXPECT_EQ(error.fault, Fault::untrusted);
        EXPECT_NE(error.detail.find(why), std::string::npos) << error.detail;
        EXPECT_NE(error.detail.find("log/00000000000000000003.json: record "), std::string::npos)
            << error.detail;
        EXPECT_EQ(follower.subscriber->state(), SubscriberState::faulted);
        EXPECT_FALSE(follower.subscriber->has_staged());
        EXPECT_EQ(follower.replica().version(), 2);
        EXPECT_EQ(follower.words(), words);
    }
}

TEST(SignedFollower, ANewcomerTakesNothingOfAStrangersRun) {
    PublishedRun run(320, 2);  // nobody signed it
    SubscriberOptions options;
    options.trust.log = Identity::generate().shared();
    TestFollower follower(run.bucket, run.table, options);
    const Bytes words = follower.words();
    ASSERT_TRUE(eventually([&] { return follower.subscriber->failure().has_value(); }));
    EXPECT_NE(follower.subscriber->failure()->detail.find("record 0 (epoch 1"), std::string::npos);
    EXPECT_FALSE(follower.subscriber->has_staged());
    EXPECT_EQ(follower.replica().version(), -1);
    EXPECT_EQ(follower.words(), words);
}

TEST(SignedFollower, FollowsASignedRunToItsEnd) {
    SignedRun run(321, 3);
    ASSERT_TRUE(run.trainer.publisher->finish({}));
    TestFollower follower(run.bucket, run.table, run.options());
    EXPECT_TRUE(follower.complete());
    expect_same(run.trainer, follower);
    TestFollower without_a_key(run.bucket, run.table);
    EXPECT_TRUE(without_a_key.complete());
    expect_same(run.trainer, without_a_key);
}

TEST(SignedFollower, FollowsThroughAKeyRotation) {
    SignedRun run(322, 2);
    TestFollower follower(run.bucket, run.table, run.options());
    ASSERT_TRUE(follower.reach(2));
    const Identity next = Identity::generate();
    Record rotation;
    rotation.next_key = next.shared().text();
    commit_as(run, run.key, rotation);
    ChainReader reader(run.bucket, "run", run.options().trust);
    while (reader.next()) continue;

    run.trainer.publisher.reset();
    EXPECT_FALSE(run.trainer.resume(reader.position())) << "the old key signs nothing any more";
    run.trainer.options.signer = next;
    ASSERT_TRUE(run.trainer.resume(reader.position()));
    ASSERT_TRUE(run.trainer.publish_version(100));
    ASSERT_TRUE(follower.reach(3)) << follower.faults.all();
    expect_same(run.trainer, follower);
    TestFollower newcomer(run.bucket, run.table, run.options());
    ASSERT_TRUE(newcomer.reach(3)) << newcomer.faults.all();
    expect_same(run.trainer, newcomer);
}

TEST(SignedFollower, AStrangersJumpIsPassedOver) {
    SignedRun run(323, 6);
    offer_jump(run, -1, 6);  // not signed
    const Jump other = make_jump(run, -1, 5);
    ASSERT_TRUE(run.bucket.put(jump_key("run", -1, 5),
                               sign_envelope(encode_jump(other), Identity::generate())));
    TestFollower follower(run.bucket, run.table, run.options());
    ASSERT_TRUE(follower.reach(6)) << follower.faults.all();
    expect_same(run.trainer, follower);
    EXPECT_EQ(follower.commits.front().version, 0) << "from the log's own anchor";
    EXPECT_TRUE(follower.faults.has("none-000000000006.json: the jump is not signed"))
        << follower.faults.all();
    EXPECT_TRUE(follower.faults.has("none-000000000005.json: the jump is signed by key"));
    EXPECT_TRUE(follower.faults.has("going on without it"));
}

TEST(SignedFollower, TakesJumpsOfTheTrainerAndOfListedCompactors) {
    const Identity compactor = Identity::generate();
    SignedRun run(324, 6);
    const auto signer_of_jump = [&](const Identity& signer) {
        const Jump jump = make_jump(run, -1, 6);
        ASSERT_TRUE(
            run.bucket.put(jump_key("run", -1, 6), sign_envelope(encode_jump(jump), signer)));
    };
    for (const Identity& signer : {run.key, compactor}) {
        signer_of_jump(signer);
        SubscriberOptions options = run.options();
        options.trust.jumps = {compactor.shared()};
        TestFollower follower(run.bucket, run.table, options);
        ASSERT_TRUE(follower.reach(6)) << follower.faults.all();
        expect_same(run.trainer, follower);
        EXPECT_EQ(follower.commits.size(), 1u) << "straight to version 6";
        const Result<LogState> log = read_log(run.bucket, "run", {}, options.trust);
        ASSERT_TRUE(log);
        EXPECT_EQ(log->versions.jump_signers().size(), 2u);
    }
}

TEST(SignedFollower, AJumpOfAKeyThatWasReplacedCountsNoLonger) {
    SignedRun run(325, 4);
    const Jump jump = make_jump(run, -1, 4);
    ASSERT_TRUE(run.bucket.put(jump_key("run", -1, 4), sign_envelope(encode_jump(jump), run.key)));
    Record rotation;
    rotation.next_key = Identity::generate().shared().text();
    commit_as(run, run.key, rotation);
    TestFollower follower(run.bucket, run.table, run.options());
    ASSERT_TRUE(follower.reach(4));
    EXPECT_TRUE(follower.faults.has("the jump is signed by key")) << follower.faults.all();
}

TEST(SignedFollower, RemembersAcrossARestartWhatItAccepted) {
    const ScratchFolder folder;
    SignedRun run(326, 3);
    SubscriberOptions options = run.options();
    options.trust.memory = folder / "accepted";
    {
        TestFollower follower(run.bucket, run.table, options);
        ASSERT_TRUE(follower.reach(3));
        EXPECT_EQ(LogMemory(options.trust.memory, "run").last()->sequence, 3u)
            << "before the version was committed";
    }
    ASSERT_TRUE(run.bucket.remove(log_key("run", 3)));
    TestFollower again(run.bucket, run.table, options);
    ASSERT_TRUE(eventually([&] { return again.subscriber->failure().has_value(); }));
    const Error error = *again.subscriber->failure();
    EXPECT_EQ(error.fault, Fault::untrusted);
    EXPECT_NE(error.detail.find("older or other log"), std::string::npos) << error.detail;
    EXPECT_NE(error.detail.find("remove " + options.trust.memory.string()), std::string::npos);
}

TEST(SignedFollower, RemembersRecordsThatMakeNoVersion) {
    const ScratchFolder folder;
    SignedRun run(327, 1);
    SubscriberOptions options = run.options();
    options.trust.memory = folder / "accepted";
    TestFollower follower(run.bucket, run.table, options);
    ASSERT_TRUE(follower.reach(1));
    ASSERT_TRUE(run.trainer.publisher->finish({}));
    EXPECT_TRUE(
        eventually([&] { return LogMemory(options.trust.memory, "run").last()->sequence == 2; }));
}

TEST(SignedFollower, GoesOnWhenItsMemoryCannotBeWritten) {
    const ScratchFolder folder;
    SignedRun run(328, 2);
    SubscriberOptions options = run.options();
    options.trust.memory = folder / "no folder" / "accepted";
    TestFollower follower(run.bucket, run.table, options);
    ASSERT_TRUE(follower.reach(2));
    EXPECT_TRUE(follower.faults.has("a restart may take an older log")) << follower.faults.all();
    expect_same(run.trainer, follower);
}

TEST(SignedFollower, ACompactorSignsItsJumpsAndTrustsAsFollowersDo) {
    const Identity compactor = Identity::generate();
    SignedRun run(329, 20);
    offer_jump(run, -1, 19);  // a stranger's: would be the newest anchor
    CompactorOptions options;
    options.costs.anchor_share = 0.001;
    options.writing.run = "run";
    options.writing.signer = compactor;
    options.trust = run.options().trust;
    options.trust.jumps = {compactor.shared()};
    Notes faults;
    Compactor compact(
        run.bucket, options,
        {.started = {},
         .offered = {},
         .declined = {},
         .fault = [&](const Error& error, const std::string&) { faults.add(error.detail); }});
    const Result<Done> caught_up = compact.catch_up({});
    ASSERT_TRUE(caught_up) << caught_up.error().detail;
    EXPECT_TRUE(faults.has("none-000000000019.json: the jump is not signed")) << faults.all();
    std::size_t jumps = 0;
    for (const auto& [key, stored] : run.bucket.objects()) {
        if (!key.starts_with("run/jumps/") || key.ends_with("none-000000000019.json")) continue;
        EXPECT_EQ(signature_fault(stored, options.trust.jumps), "") << key;
        ++jumps;
    }
    EXPECT_GT(jumps, 0u);
    commit_as(run, {}, Record{});
    EXPECT_EQ(compact.catch_up({}).error().fault, Fault::untrusted);
}

}  // namespace
}  // namespace dws
