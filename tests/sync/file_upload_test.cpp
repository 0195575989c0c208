#include "sync/file_upload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "sync/sha256.h"
#include "tests/support/gated_bucket.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

FileUploadOptions options_with(std::size_t files_in_flight) {
    return {.run = "run",
            .stem = "delta-000001",
            .files_in_flight = files_in_flight,
            .retry_wait_s = 0.001,
            .fault = {}};
}

// No two of the same content, so that no two share a name.
Bytes file_of(std::size_t number) { return Bytes(100 + number, std::byte{7}); }

TEST(FileUpload, FilesComeBackInTheOrderInWhichTheyWereAdded) {
    FaultyBucket bucket;
    FileUpload upload(bucket, options_with(4), {});
    for (std::size_t number = 0; number < 20; ++number) ASSERT_TRUE(upload.add(file_of(number)));
    const Result<std::vector<ObjectRef>> objects = upload.finish();
    ASSERT_TRUE(objects);
    ASSERT_EQ(objects->size(), 20u);
    for (std::size_t number = 0; number < 20; ++number) {
        const ObjectRef& object = (*objects)[number];
        EXPECT_EQ(object.size_bytes, 100 + number);
        EXPECT_EQ(object.sha256, sha256_hex(file_of(number)));
        EXPECT_EQ(object.key,
                  "objects/delta-000001-" + object.sha256.substr(0, 16) + ".safetensors");
        EXPECT_EQ(bucket.objects().at("run/" + object.key), file_of(number));
    }
}

TEST(FileUpload, NoFilesAreNoObjects) {
    FaultyBucket bucket;
    FileUpload upload(bucket, options_with(3), {});
    const Result<std::vector<ObjectRef>> objects = upload.finish();
    ASSERT_TRUE(objects);
    EXPECT_TRUE(objects->empty());
}

// Whoever encodes makes a file only once add() has taken the one before.
TEST(FileUpload, NoMoreFilesThanAllowedExistWhileTheWireIsHeld) {
    for (const std::size_t files : {1u, 2u, 3u, 5u}) {
        GatedBucket bucket;
        bucket.close_gate();
        std::atomic<std::size_t> made = 0;
        FileUpload upload(bucket, options_with(files), {});
        std::jthread encoder([&] {
            for (std::size_t number = 0; number < 12; ++number) {
                ++made;
                EXPECT_TRUE(upload.add(file_of(number)));
            }
        });
        EXPECT_TRUE(eventually([&] { return made == files; }));
        EXPECT_TRUE(eventually([&] {
            return bucket.waiting() == std::max<std::size_t>(files, 2) - 1;
        })) << "all but the one being encoded are on the wire";
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
        EXPECT_EQ(made, files);
        bucket.open_gate();
        encoder.join();
        ASSERT_TRUE(upload.finish());
        EXPECT_EQ(bucket.objects().size(), 12u);
    }
}

TEST(FileUpload, AFaultOfTransportIsWaitedOutAndHeard) {
    FaultyBucket bucket;
    bucket.fail_next_calls(3);
    std::atomic<int> faults = 0;
    FileUploadOptions options = options_with(2);
    options.fault = [&](const Error&) { ++faults; };
    FileUpload upload(bucket, options, {});
    ASSERT_TRUE(upload.add(file_of(0)));
    ASSERT_TRUE(upload.finish());
    EXPECT_EQ(faults, 3);
}

// Refuses one file for good; all others are out of reach for ever.
class RefusingBucket final : public FaultyBucket {
public:
    Result<Done> put(std::string_view, std::span<const std::byte> object) override {
        if (object.size() == file_of(2).size()) return Error{Fault::untrusted, "refused"};
        return Error{Fault::transport, "out of reach"};
    }
};

TEST(FileUpload, OneFinalFailureEndsAll) {
    RefusingBucket bucket;
    FileUpload upload(bucket, options_with(4), {});
    std::size_t number = 0;
    while (number < 10 && upload.add(file_of(number))) ++number;
    EXPECT_LT(number, 10u);
    const Result<std::vector<ObjectRef>> objects = upload.finish();
    ASSERT_FALSE(objects);
    EXPECT_EQ(objects.error().fault, Fault::untrusted);
    EXPECT_FALSE(upload.add(file_of(11)));
}

TEST(FileUpload, StopEndsAllWaits) {
    FaultyBucket bucket;
    bucket.set_unreachable(true);
    std::stop_source source;
    const Stopwatch watch;
    {
        FileUploadOptions options = options_with(2);
        options.retry_wait_s = 60;
        FileUpload upload(bucket, options, source.get_token());
        ASSERT_TRUE(upload.add(file_of(0)));
        std::jthread stopper([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
            source.request_stop();
        });
        EXPECT_FALSE(upload.add(file_of(1)));
        const Result<std::vector<ObjectRef>> objects = upload.finish();
        ASSERT_FALSE(objects);
        EXPECT_EQ(objects.error().fault, Fault::transport);
    }
    EXPECT_LT(watch.seconds(), 10);
}

}  // namespace
}  // namespace dws
