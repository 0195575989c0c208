// `dws compact`, `dws gc` and what `dws verify` says of their work, as a user calls them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <thread>

#include "sync/jump.h"
#include "tests/support/dws_command.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/walking_run.h"

namespace dws {
namespace {

// A run in a folder. Anchors come often, so that small runs have several.
class ToolChain : public testing::Test {
protected:
    std::string path() const { return (folder_ / "bucket").string(); }
    std::string where() const { return " --bucket " + path() + " --run run"; }
    Answer compact(const std::string& more = "") const {
        return call_dws("compact --anchor-share 0.1 --poll-ms 5 " + more + where());
    }
    Answer gc(const std::string& more = "") const {
        return call_dws("gc --keep-hours 0 " + more + where());
    }
    Answer verify(const std::string& more = "") const {
        return call_dws("verify " + more + where());
    }
    // Several anchors, as a compactor that keeps up writes them.
    void publish_and_compact(int times) {
        for (int time = 0; time < times; ++time) {
            run_.publish(10);
            ASSERT_EQ(compact().status, 0);
        }
    }
    std::vector<std::string> keys(const std::string& folder) const {
        return *bucket_->list("run/" + folder, Listing::objects);
    }

    const ScratchFolder folder_;
    const std::unique_ptr<Bucket> bucket_ = open_bucket(path(), {}, {});
    WalkingRun run_{*bucket_, 20'000, 2e-6f, 31};
};

TEST_F(ToolChain, CompactOffersRoadsAndVerifyProvesThem) {
    run_.publish(20);
    const Answer answer = compact();
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(answer.has("start | anchor 0 of the log")) << answer.text;
    EXPECT_TRUE(answer.has("offer | fold from version 0 to 8 | ")) << answer.text;
    EXPECT_TRUE(answer.has("offer | anchor of version 20 | ")) << answer.text;
    EXPECT_TRUE(answer.has("end | version 20 | 20 versions")) << answer.text;
    const Answer verified = verify();
    EXPECT_EQ(verified.status, 0) << verified.text;
    EXPECT_EQ(verified.last_line(),
              "ok: 21 records, 21 versions, digest " + run_.digest().hex() + ", 3 jumps");
    EXPECT_TRUE(verify("--json").has("\"jumps\":3,\"jumps_not_rebuilt\":0"));
}

TEST_F(ToolChain, LogPrintsTheJumps) {
    run_.publish(20);
    ASSERT_EQ(compact().status, 0);
    const Answer answer = call_dws("log --jumps" + where());
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_EQ(std::count(answer.text.begin(), answer.text.end(), '\n'), 3) << answer.text;
    EXPECT_TRUE(answer.has("fold from version 0 to 8 | record 8 | ")) << answer.text;
    EXPECT_TRUE(
        call_dws("log --jumps --json" + where()).has("{\"base_version\":-1,\"version\":20,"));
    ASSERT_TRUE(bucket_->put(jump_key("run", 0, 8), bytes_of("{}")));
    EXPECT_EQ(call_dws("log --jumps" + where()).status, 1);
}

TEST_F(ToolChain, CompactCalledAgainHasNothingToOffer) {
    run_.publish(20);
    ASSERT_EQ(compact().status, 0);
    const std::vector<std::string> before = keys("");
    const Answer answer = compact();
    EXPECT_EQ(answer.status, 0);
    EXPECT_TRUE(answer.has("start | anchor 20 of jumps")) << answer.text;
    EXPECT_FALSE(answer.has("offer")) << answer.text;
    EXPECT_EQ(keys(""), before);
}

TEST_F(ToolChain, CompactFollowsALivePublisherUntilTheEnd) {
    Answer answer;
    {
        const std::jthread follower([&] { answer = compact("--follow --json"); });
        for (int version = 0; version < 40; ++version) run_.publish(1);
        run_.publish_end();
    }
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(answer.has("{\"event\":\"end\",\"version\":40,")) << answer.text;
    EXPECT_TRUE(answer.has("{\"event\":\"offer\",\"base_version\":-1,")) << answer.text;
    EXPECT_EQ(verify().status, 0);
}

TEST_F(ToolChain, CompactWaitsForARunThatIsNotThereYetOnlyWhenFollowing) {
    const std::string none = (folder_ / "none").string();
    EXPECT_EQ(call_dws("compact --run run --bucket " + none).status, 1);
    EXPECT_EQ(call_dws("gc --run run --bucket " + none).status, 1);
    EXPECT_FALSE(std::filesystem::exists(none));
    for (const std::string verb : {"compact", "gc"}) {
        const Answer other = call_dws(verb + " --run other --bucket " + path());
        EXPECT_EQ(other.status, 1);
        EXPECT_TRUE(other.has("check --bucket and --run")) << other.text;
    }
    EXPECT_EQ(call_dws("compact --fold 8 --fold 12" + where()).status, 1);
}

TEST_F(ToolChain, CompactTellsALogWithoutAWholeAnchorFromNoLog) {
    ASSERT_TRUE(bucket_->remove("run/" + run_.records.front().objects.front().key));
    const Answer answer = compact();
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("no anchor of run run is there whole")) << answer.text;
    EXPECT_FALSE(answer.has("has no log")) << answer.text;
}

TEST_F(ToolChain, CompactKilledAtAnyPointLeavesASoundRun) {
    run_.publish(40);
    const std::uint64_t seed = std::random_device{}();
    RecordProperty("seed", std::to_string(seed));
    SCOPED_TRACE(seed);
    Random random(seed);
    std::uniform_real_distribution<double> seconds(0.005, 0.12);
    int killed = 0;
    for (int time = 0; time < 6; ++time) {
        killed += call_and_kill("compact --anchor-share 0.1" + where(), seconds(random)) ? 1 : 0;
        const Answer answer = verify();
        ASSERT_EQ(answer.status, 0) << answer.text;
        run_.publish(4);
    }
    EXPECT_GT(killed, 0);
    ASSERT_EQ(compact().status, 0);
    const Answer answer = verify();
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(std::filesystem::exists(jump_key(path() + "/run", -1, 64)));
}

TEST_F(ToolChain, GcSaysWhatWouldGoAndWhy) {
    publish_and_compact(3);
    const std::vector<std::string> before = keys("");
    const Answer answer = gc("--dry-run");
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_EQ(keys(""), before);
    EXPECT_TRUE(
        answer.has("would remove jumps/000000000000-000000000008.json | fold from version "
                   "0, before anchor 20"))
        << answer.text;
    EXPECT_TRUE(answer.has(" | of version 3, before anchor 20 | ")) << answer.text;
    EXPECT_TRUE(answer.has("20 is the older of the newest two anchors")) << answer.text;
    const Answer json = gc("--dry-run --json");
    EXPECT_TRUE(json.has("{\"remove\":\"jumps/000000000000-000000000008.json\",\"reason\":\""));
    EXPECT_TRUE(json.has("{\"ok\":true,\"is_dry_run\":true,\"oldest_anchor\":20,")) << json.text;
}

// Sound files, but another version's: what they would replace stays.
TEST_F(ToolChain, GcRemovesNothingForAnAnchorOfOtherWords) {
    publish_and_compact(3);
    const std::string key = jump_key("run", -1, 30);
    Jump jump = *decode_jump(*bucket_->get(key, {.length = kMaxRecordBytes}));
    jump.objects = run_.records.front().objects;
    ASSERT_TRUE(bucket_->put(key, encode_jump(jump)));
    const std::size_t before = keys("").size();
    const Answer answer = gc();
    EXPECT_EQ(answer.status, 1) << answer.text;
    EXPECT_TRUE(answer.has("version 30: its files have digest")) << answer.text;
    EXPECT_EQ(keys("").size(), before);
}

TEST_F(ToolChain, AfterGcVerifyNamesWhatItDoesNotRebuild) {
    publish_and_compact(3);
    const std::size_t before = keys("").size();
    const Answer answer = gc();
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_LT(keys("").size(), before);
    EXPECT_EQ(keys("log/").size(), 31u);
    const Answer verified = verify();
    EXPECT_EQ(verified.status, 0) << verified.text;
    EXPECT_TRUE(verified.last_line().starts_with("ok: 31 records, 11 versions, digest " +
                                                 run_.digest().hex()))
        << verified.text;
    EXPECT_TRUE(verified.has("versions 0 to 19 not rebuilt: removed before anchor 20"))
        << verified.text;
    const Answer again = gc();
    EXPECT_EQ(again.status, 0);
    EXPECT_TRUE(again.has("removed 0 of 0")) << again.text;
    run_.publish(10);  // and it all goes on
    EXPECT_EQ(compact().status, 0);
    EXPECT_EQ(verify().status, 0);
}

TEST_F(ToolChain, GcWithOneAnchorRemovesNothingAndSaysWhy) {
    run_.publish(3);
    const std::vector<std::string> before = keys("");
    const Answer answer = gc();
    EXPECT_EQ(answer.status, 0);
    EXPECT_TRUE(answer.has("version 0 is the only anchor")) << answer.text;
    EXPECT_EQ(keys(""), before);
}

TEST_F(ToolChain, GcKeepsWhatIsYoung) {
    publish_and_compact(3);
    const std::vector<std::string> before = keys("");
    const Answer answer = call_dws("gc" + where());
    EXPECT_EQ(answer.status, 0);
    EXPECT_TRUE(answer.has("what is younger than 24 h begins at version 0")) << answer.text;
    EXPECT_EQ(keys(""), before);
}

TEST_F(ToolChain, GcDoesNotBuildOnADamagedAnchor) {
    publish_and_compact(3);
    for (const std::string& key : keys("objects/anchor-000030")) {
        Result<Bytes> object = bucket_->get(key, {.length = 1 << 20});
        ASSERT_TRUE(object);
        object->back() ^= std::byte{1};
        ASSERT_TRUE(bucket_->put(key, *object));
    }
    const std::vector<std::string> before = keys("");
    const Answer answer = gc();
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("an anchor that is to stay: corrupt")) << answer.text;
    EXPECT_EQ(keys(""), before);
    EXPECT_EQ(gc("--unchecked").status, 0);
}

TEST_F(ToolChain, GcKilledAtAnyPointLeavesASoundRun) {
    publish_and_compact(4);
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(seed);
    Random random(seed);
    std::uniform_real_distribution<double> seconds(0.004, 0.03);
    const std::size_t before = keys("").size();
    for (int time = 0; time < 6; ++time) {
        call_and_kill("gc --keep-hours 0" + where(), seconds(random));
        const Answer answer = verify();
        ASSERT_EQ(answer.status, 0) << answer.text;
    }
    ASSERT_EQ(gc().status, 0);
    EXPECT_EQ(verify().status, 0);
    EXPECT_LT(keys("").size(), before);
}

TEST_F(ToolChain, VerifyStillCallsDamageDamage) {
    publish_and_compact(3);
    ASSERT_EQ(gc().status, 0);
    const std::string delta = "run/" + run_.records[25].objects.front().key;
    const Result<Bytes> object = bucket_->get(delta, {.length = 1 << 20});
    ASSERT_TRUE(object);
    ASSERT_TRUE(bucket_->remove(delta));
    const Answer missing = verify();
    EXPECT_EQ(missing.status, 1);
    EXPECT_TRUE(missing.has("problem at record 25: missing")) << missing.text;
    ASSERT_TRUE(bucket_->put(delta, *object));
    EXPECT_EQ(verify().status, 0);

    const std::string fold = keys("objects/fold-").back();
    const Result<Bytes> fold_file = bucket_->get(fold, {.length = 1 << 20});
    ASSERT_TRUE(bucket_->remove(fold));
    const Answer lacking = verify();
    EXPECT_EQ(lacking.status, 1);
    EXPECT_TRUE(lacking.has("problem: missing: run/jumps/")) << lacking.text;
    ASSERT_TRUE(bucket_->put(fold, *fold_file));
}

TEST_F(ToolChain, VerifyReadsEveryJump) {
    publish_and_compact(2);
    const auto bend = [&](const std::string& key, const auto& change) {
        const Result<Bytes> stored = bucket_->get(key, {.length = 1 << 20});
        ASSERT_TRUE(stored);
        Result<Jump> jump = decode_jump(*stored);
        ASSERT_TRUE(jump);
        change(*jump);
        ASSERT_TRUE(bucket_->put(key, encode_jump(*jump)));
        const Answer answer = verify();
        EXPECT_EQ(answer.status, 1);
        EXPECT_TRUE(answer.has(key + ": ")) << answer.text;
        ASSERT_TRUE(bucket_->put(key, *stored));
    };
    for (const std::string& key : {jump_key("run", 0, 8), jump_key("run", -1, 20)}) {
        bend(key, [](Jump& jump) { jump.digest.lanes[0] += 1; });
        bend(key, [](Jump& jump) { jump.record_sha256 = std::string(64, '0'); });
        bend(key, [](Jump& jump) { jump.sequence += 1; });
        bend(key, [](Jump& jump) { jump.objects[0].sha256 = std::string(64, '0'); });
        bend(key, [](Jump& jump) { jump.run = "other"; });
    }
    EXPECT_EQ(verify().status, 0);
    ASSERT_TRUE(bucket_->put(jump_key("run", 0, 8), bytes_of("{}")));
    EXPECT_EQ(verify().status, 1);
}

}  // namespace
}  // namespace dws
