// What every bucket promises (sync/bucket/bucket.h), of an S3 store.
#include "sync/bucket/bucket_s3.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "tests/s3/store.h"

namespace dws {
namespace {

using Names = std::vector<std::string>;
constexpr ByteRange kAll{.offset = 0, .length = 100'000'000};

class BucketS3Test : public StoreTest {};

TEST_F(BucketS3Test, KeepsWhatIsPut) {
    const auto bucket = open();
    for (const std::size_t size : {0u, 1u, 100u, 1'000'000u, 3'000'000u}) {
        const Bytes object = numbered_bytes(size);
        const Result<Done> put = bucket->put("run/a", object);
        ASSERT_TRUE(put) << put.error().detail;
        const Result<Bytes> got = bucket->get("run/a", kAll);
        ASSERT_TRUE(got) << got.error().detail;
        EXPECT_TRUE(*got == object) << size;
    }
}

TEST_F(BucketS3Test, KeysOfEveryFormArriveAsTheyAre) {
    const auto bucket = open();
    Names keys{"...", ".a", "a-b_c.d", "a/..b/c", "Z/z/0", std::string(200, 'k')};
    for (const std::string& key : keys) ASSERT_TRUE(bucket->put(key, bytes_of(key))) << key;
    for (const std::string& key : keys) EXPECT_EQ(text_of(*bucket->get(key, kAll)), key);
    std::ranges::sort(keys);
    EXPECT_EQ(*bucket->list("", Listing::objects), keys);
}

TEST_F(BucketS3Test, AKeyThatIsNotValidIsCorrupt) {
    const auto bucket = open();
    for (const char* key : {"", "/a", "a//b", "../a", "a b", "a?b", "a%2f"}) {
        EXPECT_EQ(bucket->put(key, {}).error().fault, Fault::corrupt) << key;
        EXPECT_EQ(bucket->put_if_absent(key, {}).error().fault, Fault::corrupt) << key;
        EXPECT_EQ(bucket->get(key, kAll).error().fault, Fault::corrupt) << key;
        EXPECT_EQ(bucket->remove(key).error().fault, Fault::corrupt) << key;
    }
}

TEST_F(BucketS3Test, WhatIsNotThereIsMissing) {
    const Result<Bytes> got = open()->get("none", kAll);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().fault, Fault::missing);
    EXPECT_NE(got.error().detail.find("none"), std::string::npos);
}

TEST_F(BucketS3Test, ReadsRanges) {
    const auto bucket = open();
    const Bytes object = numbered_bytes(1'000);
    ASSERT_TRUE(bucket->put("a", object));
    const auto part = [&](std::uint64_t offset, std::uint64_t length) {
        const Result<Bytes> got = bucket->get("a", {.offset = offset, .length = length});
        EXPECT_TRUE(got) << got.error().detail;
        return got ? *got : Bytes{};
    };
    EXPECT_EQ(part(10, 20), Bytes(object.begin() + 10, object.begin() + 30));
    EXPECT_EQ(part(0, 1), Bytes(1, object[0]));
    EXPECT_EQ(part(999, 1), Bytes(1, object[999]));
    EXPECT_EQ(part(990, 500), Bytes(object.begin() + 990, object.end()));
    EXPECT_TRUE(part(1'000, 5).empty());
    EXPECT_TRUE(part(5'000, 5).empty());
    EXPECT_TRUE(part(0, 0).empty());
    EXPECT_EQ(part(990, UINT64_MAX), Bytes(object.begin() + 990, object.end()));
    EXPECT_TRUE(part(UINT64_MAX, UINT64_MAX).empty());
}

TEST_F(BucketS3Test, ReadsLargeObjectsInPieces) {
    S3Options options;
    options.pieces = {.bytes = 100'000, .at_once = 3};
    const auto bucket = open_with(options);
    for (const std::size_t size : {99'999u, 100'000u, 100'001u, 1'234'567u}) {
        const Bytes object = numbered_bytes(size);
        ASSERT_TRUE(bucket->put("a", object));
        EXPECT_TRUE(*bucket->get("a", {.length = 10'000'000}) == object) << size;
        EXPECT_TRUE(*bucket->get("a", {.length = size}) == object) << size;
        EXPECT_TRUE(*bucket->get("a", {.length = size + 1}) == object) << size;
    }
    const Bytes object = numbered_bytes(1'234'567);
    EXPECT_TRUE(*bucket->get("a", {.offset = 77'777, .length = 500'000}) ==
                Bytes(object.begin() + 77'777, object.begin() + 577'777));
}

TEST_F(BucketS3Test, SendsObjectsAboveTheLimitInParts) {
    S3Options options;
    options.single_put_bytes = 6u << 20;
    options.part_bytes = 5u << 20;  // S3's least
    const auto bucket = open_with(options);
    for (const std::size_t size : {(6u << 20) + 1, 10u << 20, (15u << 20) + 3}) {
        const Bytes object = numbered_bytes(size);
        const Result<Done> put = bucket->put("large", object);
        ASSERT_TRUE(put) << put.error().detail;
        EXPECT_TRUE(*bucket->get("large", kAll) == object) << size;
    }
    EXPECT_EQ(bucket->put_if_absent("large", Bytes((6u << 20) + 1)).error().fault,
              Fault::untrusted);
    EXPECT_EQ(*bucket->list("", Listing::objects), (Names{"large"}));
}

TEST_F(BucketS3Test, ListsOverManyPages) {
    S3Options options;
    options.list_page_keys = 3;
    const auto bucket = open_with(options);
    Names keys;
    for (int number = 0; number < 20; ++number)
        keys.push_back("run/k" + std::to_string(100 + number));
    for (const std::string& key : keys) ASSERT_TRUE(bucket->put(key, bytes_of("x")));
    ASSERT_TRUE(bucket->put("other/k", bytes_of("x")));
    EXPECT_EQ(*bucket->list("run/", Listing::objects), keys);
    EXPECT_EQ(*bucket->list("run/k10", Listing::objects), Names(keys.begin(), keys.begin() + 10));
    EXPECT_EQ(bucket->list("", Listing::objects)->size(), 21u);
    EXPECT_TRUE(bucket->list("none/", Listing::objects)->empty());
}

TEST_F(BucketS3Test, ListsFoldersOverManyPages) {
    S3Options options;
    options.list_page_keys = 2;
    const auto bucket = open_with(options);
    Names folders;
    for (const char* name : {"a", "b", "c", "d", "e"}) {
        folders.push_back(std::string("run/games/") + name + "/");
        for (const char* key : {"1", "2", "3"})
            ASSERT_TRUE(bucket->put(folders.back() + key, bytes_of("x")));
    }
    ASSERT_TRUE(bucket->put("run/games/file", bytes_of("x")));
    EXPECT_EQ(*bucket->list("run/games/", Listing::folders), folders);
    EXPECT_EQ(*bucket->list("run/games/a", Listing::folders), (Names{"run/games/a/"}));
    EXPECT_EQ(*bucket->list("", Listing::folders), (Names{"run/"}));
}

TEST_F(BucketS3Test, RemovingTwiceSucceeds) {
    const auto bucket = open();
    ASSERT_TRUE(bucket->put("a", bytes_of("x")));
    EXPECT_TRUE(bucket->remove("a"));
    EXPECT_EQ(bucket->get("a", kAll).error().fault, Fault::missing);
    const Result<Done> again = bucket->remove("a");
    EXPECT_TRUE(again) << again.error().detail;
}

TEST_F(BucketS3Test, CreatesOnce) {
    const auto bucket = open();
    EXPECT_EQ(*bucket->put_if_absent("a", bytes_of("first")), PutOutcome::created);
    EXPECT_EQ(*bucket->put_if_absent("a", bytes_of("second")), PutOutcome::existed);
    EXPECT_EQ(text_of(*bucket->get("a", kAll)), "first");
}

TEST_F(BucketS3Test, OfEightThreadsThatCreateAKeyOneDoes) {
    const auto bucket = open();
    for (int round = 0; round < 20; ++round) {
        const std::string key = "race/" + std::to_string(round);
        std::atomic<int> created = 0;
        std::array<std::atomic<bool>, 8> is_mine{};
        {
            std::vector<std::jthread> threads;
            for (std::size_t thread = 0; thread < 8; ++thread) {
                threads.emplace_back([&, thread] {
                    const auto outcome =
                        bucket->put_if_absent(key, bytes_of(std::to_string(thread)));
                    ASSERT_TRUE(outcome) << outcome.error().detail;
                    is_mine[thread] = *outcome == PutOutcome::created;
                    if (is_mine[thread]) ++created;
                });
            }
        }
        EXPECT_EQ(created, 1);
        const auto winner = std::stoul(std::string(text_of(*bucket->get(key, kAll))));
        EXPECT_TRUE(is_mine.at(winner));
    }
}

TEST_F(BucketS3Test, AReaderSeesAReplacedObjectWholeOrNotAtAll) {
    S3Options options;
    options.pieces = {.bytes = 50'000, .at_once = 2};
    const auto bucket = open_with(options);
    const Bytes zeros(300'000, std::byte{0});
    const Bytes ones(300'000, std::byte{1});
    ASSERT_TRUE(bucket->put("a", zeros));
    std::jthread writer([&](std::stop_token stop) {
        while (!stop.stop_requested()) {
            EXPECT_TRUE(bucket->put("a", ones));
            EXPECT_TRUE(bucket->put("a", zeros));
        }
    });
    for (int round = 0; round < 30; ++round) {
        const Result<Bytes> got = bucket->get("a", kAll);
        if (got)
            EXPECT_TRUE(*got == zeros || *got == ones);
        else
            EXPECT_EQ(got.error().fault, Fault::corrupt) << got.error().detail;
    }
}

TEST_F(BucketS3Test, ThePrefixIsABucketOfItsOwn) {
    const auto bucket = open();
    const auto inner = open_bucket(with_prefix(uri_, "inner/most"), {}, {});
    ASSERT_TRUE(inner->put("a", bytes_of("x")));
    EXPECT_EQ(*inner->list("", Listing::objects), (Names{"a"}));
    EXPECT_EQ(*bucket->list("", Listing::objects), (Names{"inner/most/a"}));
}

TEST_F(BucketS3Test, TheProbePassesAndLeavesNothing) {
    const auto bucket = open();
    const Result<Done> probed = probe_put_if_absent(*bucket, "run");
    EXPECT_TRUE(probed) << probed.error().detail;
    EXPECT_TRUE(bucket->list("", Listing::objects)->empty());
}

TEST_F(BucketS3Test, ALimitIsKeptOverAllTransfers) {
    const auto bucket = open_bucket(uri_, {}, {.limit_megabit_per_s = 16});  // 2 MB/s
    const Bytes object = numbered_bytes(500'000);
    const Stopwatch watch;
    {
        std::vector<std::jthread> threads;
        for (const char* key : {"a", "b"})
            threads.emplace_back([&, key] { EXPECT_TRUE(bucket->put(key, object)); });
    }
    EXPECT_TRUE(*bucket->get("a", kAll) == object);
    EXPECT_GE(watch.seconds(), 0.5);  // 1.5 MB, of which half a megabyte passes at once
    EXPECT_LT(watch.seconds(), 10);
}

TEST_F(BucketS3Test, WorksOverTls) {
    const std::string uri = variable("DWS_S3_TLS_URI");
    if (uri.empty()) GTEST_SKIP() << "NOT TESTED: DWS_S3_TLS_URI names no store with TLS";
    const auto bucket = open_bucket(with_prefix(uri, "tls-" + random_hex(8)), {}, {});
    const Bytes object = numbered_bytes(5'000'000);
    const Result<Done> put = bucket->put("a", object);
    ASSERT_TRUE(put) << put.error().detail;
    EXPECT_TRUE(*bucket->get("a", kAll) == object);
    EXPECT_TRUE(bucket->remove("a"));
}

}  // namespace
}  // namespace dws
