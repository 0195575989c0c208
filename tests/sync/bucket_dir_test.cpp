#include "sync/bucket/bucket_dir.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

Bytes bytes_from(std::string_view text) {
    const auto bytes = bytes_of(text);
    return Bytes(bytes.begin(), bytes.end());
}

std::size_t files_under(const fs::path& folder) {
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) ++files;
    }
    return files;
}

class BucketDirTest : public testing::Test {
protected:
    const ScratchFolder scratch_;
    const fs::path folder_ = scratch_ / "bucket";
    BucketDir bucket_{folder_};
};

TEST_F(BucketDirTest, GivesBackWhatWasPut) {
    ASSERT_TRUE(bucket_.put("run/objects/a.bin", bytes_of("hello")));
    EXPECT_EQ(*bucket_.get("run/objects/a.bin", {.length = 100}), bytes_from("hello"));
    ASSERT_TRUE(bucket_.put("empty", {}));
    EXPECT_EQ(bucket_.get("empty", {.length = 100})->size(), 0u);
}

TEST_F(BucketDirTest, PutReplacesAndPutIfAbsentDoesNot) {
    EXPECT_EQ(*bucket_.put_if_absent("a", bytes_of("one")), PutOutcome::created);
    EXPECT_EQ(*bucket_.put_if_absent("a", bytes_of("two")), PutOutcome::existed);
    EXPECT_EQ(*bucket_.get("a", {.length = 9}), bytes_from("one"));
    ASSERT_TRUE(bucket_.put("a", bytes_of("three")));
    EXPECT_EQ(*bucket_.get("a", {.length = 9}), bytes_from("three"));
}

TEST_F(BucketDirTest, GetsRangesAndNeverMoreThanTheLimit) {
    ASSERT_TRUE(bucket_.put("a", bytes_of("0123456789")));
    EXPECT_EQ(*bucket_.get("a", {.offset = 2, .length = 3}), bytes_from("234"));
    EXPECT_EQ(*bucket_.get("a", {.offset = 8, .length = 100}), bytes_from("89"));
    EXPECT_EQ(*bucket_.get("a", {.offset = 10, .length = 1}), Bytes{});
    EXPECT_EQ(*bucket_.get("a", {.offset = UINT64_MAX, .length = UINT64_MAX}), Bytes{});
    EXPECT_EQ(*bucket_.get("a", {.length = UINT64_MAX}), bytes_from("0123456789"));
    EXPECT_EQ(*bucket_.get("a", {.length = 0}), Bytes{});
}

TEST_F(BucketDirTest, WhatIsNotThereIsMissing) {
    ASSERT_TRUE(bucket_.put("a/b", bytes_of("x")));
    for (const char* key : {"none", "a", "a/b/c", "a/none", "none/none"}) {
        const Result<Bytes> got = bucket_.get(key, {.length = 1});
        ASSERT_FALSE(got) << key;
        EXPECT_EQ(got.error().fault, Fault::missing) << key;
    }
}

TEST_F(BucketDirTest, AFifoAtAKeyIsNoObjectAndBlocksNobody) {
    ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
    const Result<Bytes> got = bucket_.get("pipe", {.length = 10});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().fault, Fault::missing);
    EXPECT_EQ(*bucket_.put_if_absent("pipe", bytes_from("x")), PutOutcome::existed);
}

TEST_F(BucketDirTest, RefusesKeysThatLeadOutOfTheFolderOrIntoItsOwnPart) {
    std::ofstream(scratch_ / "secret") << "secret";
    for (const char* key : {"../secret", "a/../../secret", "/etc/passwd", "", ".tmp", ".tmp/x"}) {
        EXPECT_EQ(bucket_.put(key, {}).error().fault, Fault::corrupt) << key;
        EXPECT_EQ(bucket_.put_if_absent(key, {}).error().fault, Fault::corrupt) << key;
        EXPECT_EQ(bucket_.get(key, {.length = 9}).error().fault, Fault::corrupt) << key;
        EXPECT_EQ(bucket_.remove(key).error().fault, Fault::corrupt) << key;
    }
    EXPECT_EQ(bucket_.list("../", Listing::objects).error().fault, Fault::corrupt);
    EXPECT_EQ(bucket_.list(".tmp/", Listing::objects).error().fault, Fault::corrupt);
    EXPECT_TRUE(fs::exists(scratch_ / "secret"));
}

TEST_F(BucketDirTest, ListsSortedByPrefixAndNothingUnfinished) {
    for (const char* key : {"run/log/2", "run/log/10", "run/log/1", "run/logs", "other/x", "top"}) {
        ASSERT_TRUE(bucket_.put(key, {}));
    }
    std::ofstream(folder_ / ".tmp" / "half") << "half";
    using Keys = std::vector<std::string>;
    EXPECT_EQ(*bucket_.list("run/log/", Listing::objects),
              (Keys{"run/log/1", "run/log/10", "run/log/2"}));
    EXPECT_EQ(*bucket_.list("run/log/1", Listing::objects), (Keys{"run/log/1", "run/log/10"}));
    EXPECT_EQ(*bucket_.list("run/log", Listing::objects),
              (Keys{"run/log/1", "run/log/10", "run/log/2", "run/logs"}));
    EXPECT_EQ(bucket_.list("", Listing::objects)->size(), 6u);
    EXPECT_EQ(*bucket_.list("none/", Listing::objects), Keys{});
    EXPECT_EQ(*bucket_.list("top/", Listing::objects), Keys{});
    EXPECT_EQ(*bucket_.list("", Listing::folders), (Keys{"other/", "run/"}));
    EXPECT_EQ(*bucket_.list("run/", Listing::folders), (Keys{"run/log/"}));
    EXPECT_EQ(*bucket_.list("run/l", Listing::folders), (Keys{"run/log/"}));
    EXPECT_EQ(*bucket_.list("run/log/", Listing::folders), Keys{});
}

TEST_F(BucketDirTest, RemovingTwiceSucceeds) {
    ASSERT_TRUE(bucket_.put("a/b", bytes_of("x")));
    EXPECT_TRUE(bucket_.remove("a/b"));
    EXPECT_TRUE(bucket_.remove("a/b"));
    EXPECT_TRUE(bucket_.remove("none/b"));
    EXPECT_EQ(bucket_.get("a/b", {.length = 1}).error().fault, Fault::missing);
}

TEST_F(BucketDirTest, LeavesNoUnfinishedFile) {
    ASSERT_TRUE(bucket_.put("a", bytes_of("x")));
    ASSERT_TRUE(bucket_.put_if_absent("b", bytes_of("x")));
    ASSERT_TRUE(bucket_.put_if_absent("b", bytes_of("x")));
    ASSERT_TRUE(bucket_.put("c/d", bytes_of("x")));
    EXPECT_FALSE(bucket_.put("a/below/a/file", bytes_of("x")));
    fs::create_directories(folder_ / "folder");
    EXPECT_FALSE(bucket_.put("folder", bytes_of("x")));
    EXPECT_TRUE(fs::is_empty(folder_ / ".tmp"));
}

TEST_F(BucketDirTest, AFailureNamesKeyFolderAndCause) {
    ASSERT_TRUE(bucket_.put("a", bytes_of("x")));
    const Result<Done> put = bucket_.put("a/b", bytes_of("x"));
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().fault, Fault::transport);
    for (const std::string& part :
         {std::string("a/b"), folder_.string(), std::string("directory")}) {
        EXPECT_NE(put.error().detail.find(part), std::string::npos) << put.error().detail;
    }
}

TEST_F(BucketDirTest, OpeningRemovesOnlyWhatWasAbandoned) {
    std::ofstream(folder_ / ".tmp" / "old") << "old";
    std::ofstream(folder_ / ".tmp" / "young") << "young";
    fs::last_write_time(folder_ / ".tmp" / "old",
                        fs::file_time_type::clock::now() - std::chrono::minutes(61));
    const BucketDir again(folder_);
    EXPECT_FALSE(fs::exists(folder_ / ".tmp" / "old"));
    EXPECT_TRUE(fs::exists(folder_ / ".tmp" / "young"));
}

TEST_F(BucketDirTest, ReadingChangesNothing) {
    ASSERT_TRUE(bucket_.put("a", bytes_of("x")));
    const fs::path old = folder_ / ".tmp" / "old";
    std::ofstream(old) << "old";
    const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
    fs::last_write_time(old, long_ago);
    fs::last_write_time(folder_ / ".tmp", long_ago);
    fs::last_write_time(folder_, long_ago);
    BucketDir reading(folder_, BucketAccess::read);
    EXPECT_EQ(*reading.get("a", {.length = 9}), bytes_from("x"));
    EXPECT_EQ(reading.list("", Listing::objects)->size(), 1u);
    EXPECT_TRUE(fs::exists(old));
    EXPECT_EQ(fs::last_write_time(folder_ / ".tmp"), long_ago);
    EXPECT_EQ(fs::last_write_time(folder_), long_ago);
}

TEST_F(BucketDirTest, ReadingNeedsNoFolderOfUnfinishedFiles) {
    fs::remove(folder_ / ".tmp");
    BucketDir reading(folder_, BucketAccess::read);
    EXPECT_TRUE(reading.list("", Listing::objects));
    EXPECT_FALSE(fs::exists(folder_ / ".tmp"));
}

TEST(BucketDirDeathTest, WritingToABucketOpenedToBeReadIsABug) {
    const ScratchFolder scratch;
    BucketDir reading(scratch.path(), BucketAccess::read);
    EXPECT_DEATH(reading.put("a", bytes_of("x")), "opened to be read");
    EXPECT_DEATH(reading.put_if_absent("a", bytes_of("x")), "opened to be read");
    EXPECT_DEATH(reading.remove("a"), "opened to be read");
}

TEST_F(BucketDirTest, OfManyThreadsThatCreateAKeyOneDoes) {
    for (int round = 0; round < 20; ++round) {
        const std::string key = "race/" + std::to_string(round);
        std::atomic<int> created = 0;
        {
            std::vector<std::jthread> threads;
            for (int thread = 0; thread < 6; ++thread) {
                threads.emplace_back([&, thread] {
                    const Bytes object(1'000 + static_cast<std::size_t>(thread));
                    const Result<PutOutcome> outcome = bucket_.put_if_absent(key, object);
                    EXPECT_TRUE(outcome);
                    if (outcome && *outcome == PutOutcome::created) ++created;
                });
            }
        }
        EXPECT_EQ(created, 1);
    }
}

// The exit status of a process of its own that runs `work`.
template <class Work>
int status_of_process(const Work& work) {
    const pid_t process = ::fork();
    if (process == 0) ::_exit(work());
    int status = 0;
    ::waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(BucketDirTest, OfTwoProcessesThatCreateAHundredKeysEachIsCreatedOnce) {
    constexpr int kKeys = 100;
    const auto create_all = [&] {
        BucketDir bucket(folder_);
        int created = 0;
        for (int key = 0; key < kKeys; ++key) {
            const auto outcome = bucket.put_if_absent("race/" + std::to_string(key), bytes_of("x"));
            if (!outcome) return 255;
            created += *outcome == PutOutcome::created ? 1 : 0;
        }
        return created;
    };
    const pid_t process = ::fork();
    if (process == 0) ::_exit(create_all());
    const int here = create_all();
    int status = 0;
    ::waitpid(process, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(here + WEXITSTATUS(status), kKeys);
}

TEST_F(BucketDirTest, AReaderSeesAReplacedObjectWholeOrNotAtAll) {
    const Bytes zeros(300'000, std::byte{0});
    const Bytes ones(300'000, std::byte{1});
    ASSERT_TRUE(bucket_.put("a", zeros));
    std::jthread writer([&](std::stop_token stop) {
        while (!stop.stop_requested()) {
            EXPECT_TRUE(bucket_.put("a", ones));
            EXPECT_TRUE(bucket_.put("a", zeros));
        }
    });
    for (int round = 0; round < 50; ++round) {
        const Result<Bytes> got = bucket_.get("a", {.length = 1'000'000});
        ASSERT_TRUE(got);
        EXPECT_TRUE(*got == zeros || *got == ones);
    }
}

// Permission bits do not bind root: the test gives its rights up in a process of its own.
TEST_F(BucketDirTest, OpeningAFolderThatCannotBeWrittenSaysWhy) {
    ASSERT_EQ(::chmod(scratch_.path().c_str(), 0755), 0);
    const fs::path folder = scratch_ / "read-only";
    fs::create_directories(folder);
    ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
    const int status = status_of_process([&] {
        if (::getuid() == 0 && ::setuid(65'534) != 0) return 2;  // nobody
        try {
            const BucketDir bucket(folder);
            return 3;
        } catch (const std::runtime_error& error) {
            const std::string text = error.what();
            const std::string expected =
                "bucket folder " + folder.string() + " is not writable: Permission denied; ";
            return text.starts_with(expected) ? 0 : 4;
        }
    });
    EXPECT_EQ(status, 0);
}

// A file system of one mebibyte, mounted for one test.
class SmallDisk {
public:
    explicit SmallDisk(const fs::path& folder) : folder_(folder) {
        fs::create_directories(folder);
        is_mounted_ = ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") == 0;
    }
    ~SmallDisk() {
        if (is_mounted_) ::umount(folder_.c_str());
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool is_mounted() const { return is_mounted_; }

private:
    const fs::path folder_;
    bool is_mounted_ = false;
};

TEST_F(BucketDirTest, AFullDiskLeavesNothingHalfWritten) {
    const SmallDisk disk(scratch_ / "small");
    if (!disk.is_mounted()) GTEST_SKIP() << "NOT TESTED: mounting a small disk needs root";
    const fs::path folder = scratch_ / "small" / "bucket";
    BucketDir bucket(folder);
    ASSERT_TRUE(bucket.put("fits", Bytes(100'000)));
    const Bytes too_large(2'000'000);
    const Result<Done> put = bucket.put("run/large", too_large);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().fault, Fault::transport);
    EXPECT_NE(put.error().detail.find("disk full"), std::string::npos) << put.error().detail;
    EXPECT_NE(put.error().detail.find("run/large"), std::string::npos);
    EXPECT_NE(put.error().detail.find(folder.string()), std::string::npos);
    EXPECT_EQ(bucket.put_if_absent("run/large", too_large).error().fault, Fault::transport);
    EXPECT_EQ(bucket.put("fits", too_large).error().fault, Fault::transport);

    EXPECT_EQ(files_under(folder), 1u);
    EXPECT_EQ(bucket.get("fits", {.length = 1'000'000})->size(), 100'000u);
    EXPECT_EQ(bucket.get("run/large", {.length = 1}).error().fault, Fault::missing);
    EXPECT_TRUE(bucket.put("run/small", Bytes(100'000)));  // and it works on
}

}  // namespace
}  // namespace dws
