#include "sync/bucket/bucket.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "base/clock.h"
#include "sync/bucket/bucket_unfenced.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

constexpr RetryPolicy kNoRetry{.first_wait_ms = 0, .longest_wait_ms = 0, .deadline_s = 0};

TEST(BucketKey, IsNamesBetweenSlashes) {
    for (const char* key :
         {"a", "run/log/00000000000000000043.json", "a.b_c-D9/..x", "...", ".a"}) {
        EXPECT_TRUE(is_valid_key(key)) << key;
    }
    EXPECT_TRUE(is_valid_key(std::string(255, 'a')));
}

TEST(BucketKey, LeadsNowhereElse) {
    for (const char* key : {"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b",
                            "a b", "a\\b", "a\nb", "ä", "a:b", "~", "a%2fb", "*"}) {
        EXPECT_FALSE(is_valid_key(key)) << key;
    }
    EXPECT_FALSE(is_valid_key(std::string_view("a\0b", 3)));
    EXPECT_FALSE(is_valid_key(std::string(256, 'a')));
    std::string long_key = "a";
    while (long_key.size() <= 1'024) long_key += "/a";
    EXPECT_FALSE(is_valid_key(long_key));
}

TEST(OpenBucket, TakesAPathAndAFileUri) {
    const ScratchFolder scratch;
    const auto by_path = open_bucket((scratch / "bucket").string(), kNoRetry, {});
    ASSERT_TRUE(by_path->put("a", bytes_of("x")));
    const auto by_uri = open_bucket("file://" + (scratch / "bucket").string(), kNoRetry, {});
    EXPECT_TRUE(by_uri->get("a", {.length = 1}));
}

TEST(OpenBucket, SaysWhatItCannotOpen) {
    for (const char* uri : {"s3://bucket/x", "", "file://"}) {
        EXPECT_THROW(open_bucket(uri, kNoRetry, {}), std::runtime_error) << uri;
    }
    const ScratchFolder scratch;
    std::ofstream(scratch / "file") << "in the way";
    const std::string folder = (scratch / "file" / "bucket").string();
    try {
        open_bucket(folder, kNoRetry, {});
        FAIL() << "a file stands where the folder should be";
    } catch (const std::runtime_error& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("bucket folder " + folder + " is not writable"), std::string::npos)
            << text;
        EXPECT_NE(text.find("Not a directory"), std::string::npos) << text;
    }
}

TEST(OpenBucket, AFolderHasNoLineToLimit) {
    const ScratchFolder scratch;
    const std::string folder = (scratch / "bucket").string();
    EXPECT_THROW(open_bucket(folder, kNoRetry, {.limit_megabit_per_s = 1}), std::runtime_error);
}

TEST(OpenBucket, HandsTheStopToTheLineAndTheRetries) {
    const ScratchFolder scratch;
    std::stop_source stop;
    stop.request_stop();
    const auto bucket = open_bucket((scratch / "bucket").string(), {.deadline_s = 600},
                                    {.latency_ms = 600'000}, stop.get_token());
    EXPECT_TRUE(bucket->put("a", bytes_of("x")));
    std::ofstream(scratch / "bucket" / "file") << "in the way";
    EXPECT_EQ(bucket->put("file/b", bytes_of("x")).error().fault, Fault::transport);
}

TEST(OpenBucket, OpensWhatTheConfigSays) {
    const ScratchFolder scratch;
    BucketSection section;
    section.uri = (scratch / "bucket").string();
    section.put_latency_ms = 20;
    {
        const auto bucket = open_bucket(section, {});
        const Stopwatch watch;
        ASSERT_TRUE(bucket->put("a", bytes_of("x")));
        EXPECT_GE(watch.seconds(), 0.02);
        EXPECT_EQ(dynamic_cast<const BucketUnfenced*>(bucket.get()), nullptr);
    }
    section.unfenced = true;
    const auto bucket = open_bucket(section, {}, BucketAccess::read);
    EXPECT_TRUE(bucket->get("a", {.length = 1}));
    EXPECT_NE(dynamic_cast<const BucketUnfenced*>(bucket.get()), nullptr);
    section.limit_megabit_per_s = 1;
    EXPECT_THROW(open_bucket(section, {}), std::runtime_error);
}

TEST(OpenBucket, ReadingDoesNotMakeTheFolder) {
    const ScratchFolder scratch;
    const std::string folder = (scratch / "none").string();
    try {
        open_bucket(folder, kNoRetry, {}, {}, BucketAccess::read);
        FAIL() << "there is no such folder";
    } catch (const std::runtime_error& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("bucket folder " + folder + " cannot be read: No such file"),
                  std::string::npos)
            << text;
        EXPECT_NE(text.find("check the bucket's address"), std::string::npos) << text;
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(Probe, PassesAStoreThatKeepsTheConditionAndLeavesNothing) {
    FaultyBucket bucket;
    EXPECT_TRUE(probe_put_if_absent(bucket, "run"));
    EXPECT_TRUE(bucket.objects().empty());
    EXPECT_EQ(bucket.counts().puts, 2);
}

TEST(Probe, RefusesAStoreThatIgnoresTheCondition) {
    FaultyBucket bucket;
    bucket.ignore_condition(true);
    const Result<Done> probed = probe_put_if_absent(bucket, "run");
    ASSERT_FALSE(probed);
    EXPECT_EQ(probed.error().fault, Fault::untrusted);
    EXPECT_TRUE(bucket.objects().empty());
}

TEST(Probe, PassesWithoutFenceWhereTheOperatorVouchesForOneWriter) {
    auto owned = std::make_unique<FaultyBucket>();
    FaultyBucket& store = *owned;
    store.ignore_condition(true);
    const auto bucket = without_fence(std::move(owned));
    EXPECT_TRUE(probe_put_if_absent(*bucket, "run"));
    EXPECT_TRUE(store.objects().empty());
    EXPECT_EQ(*bucket->put_if_absent("a", bytes_of("first")), PutOutcome::created);
    EXPECT_EQ(*bucket->put_if_absent("a", bytes_of("second")), PutOutcome::existed);
    EXPECT_EQ(text_of(*bucket->get("a", {.length = 10})), "first");
    store.set_unreachable(true);
    EXPECT_EQ(bucket->put_if_absent("a", {}).error().fault, Fault::transport);
}

TEST(Probe, PassesOnThatNobodyAnswered) {
    FaultyBucket bucket;
    bucket.set_unreachable(true);
    EXPECT_EQ(probe_put_if_absent(bucket, "run").error().fault, Fault::transport);
}

}  // namespace
}  // namespace dws
