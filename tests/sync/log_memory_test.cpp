#include "sync/log_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "sync/bucket/file_descriptor.h"
#include "tests/support/files.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

AcceptedRecord record(std::uint64_t sequence, char digit = 'a') {
    return {.epoch = 2, .sequence = sequence, .sha256 = std::string(64, digit)};
}

struct MemoryFile {
    ScratchFolder folder;
    std::filesystem::path file = folder / "accepted.json";

    std::optional<AcceptedRecord> last(const std::string& run = "run") const {
        return LogMemory(file, run).last();
    }
};

TEST(LogMemory, KeepsTheHighestRecordOfEachRun) {
    const MemoryFile of;
    EXPECT_FALSE(of.last());
    LogMemory memory(of.file, "run");
    ASSERT_TRUE(memory.keep(record(4)));
    ASSERT_TRUE(memory.keep(record(9, 'b')));
    ASSERT_TRUE(memory.keep(record(5))) << "an older one is no news";
    ASSERT_TRUE(LogMemory(of.file, "wordle/tiny-1").keep(record(1, 'c')));
    EXPECT_EQ(of.last(), record(9, 'b'));
    EXPECT_EQ(of.last("wordle/tiny-1"), record(1, 'c'));
    EXPECT_FALSE(of.last("other"));
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(of.folder.path()))
        files += entry.path().filename() != "accepted.json.lock";
    EXPECT_EQ(files, 1u) << "nothing unfinished stays";
}

TEST(LogMemory, RefusesAnOlderLogAndAnotherOne) {
    const MemoryFile of;
    ASSERT_TRUE(LogMemory(of.file, "run").keep(record(9)));
    const LogMemory memory(of.file, "run");
    EXPECT_EQ(memory.fault(8, std::string(64, 'x')), "") << "the chain leads from it to record 9";
    EXPECT_EQ(memory.fault(9, std::string(64, 'a')), "");
    EXPECT_EQ(memory.fault(10, {}), "") << "not there yet";
    EXPECT_EQ(memory.fault(10, std::string(64, 'x')), "");
    const std::string older = memory.fault(8, {});
    EXPECT_NE(older.find("older or other log"), std::string::npos) << older;
    EXPECT_NE(older.find("the log ends before record 8"), std::string::npos) << older;
    EXPECT_NE(older.find("remove " + of.file.string()), std::string::npos) << older;
    EXPECT_NE(memory.fault(9, std::string(64, 'b')).find("record 9 of epoch 2"), std::string::npos);
}

TEST(LogMemory, WithoutAFileRemembersNothing) {
    LogMemory memory({}, "run");
    EXPECT_TRUE(memory.keep(record(3)));
    EXPECT_FALSE(memory.last());
    EXPECT_EQ(memory.fault(0, {}), "");
}

TEST(LogMemory, SeveralProcessesMayShareIt) {
    const MemoryFile of;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&] {
                LogMemory memory(of.file, "run");
                for (std::uint64_t sequence = 0; sequence < 20; ++sequence)
                    EXPECT_TRUE(memory.keep(record(sequence)));
            });
    }
    EXPECT_EQ(of.last(), record(19));
}

TEST(LogMemory, TwoLogsSeenByOneMachineAreFoundOut) {
    const MemoryFile of;
    LogMemory one(of.file, "run");
    LogMemory two(of.file, "run");
    ASSERT_TRUE(one.keep(record(3, 'a')));
    const Result<Done> kept = two.keep(record(3, 'b'));
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().fault, Fault::untrusted);
    EXPECT_NE(kept.error().detail.find("record 3 of run run"), std::string::npos);
}

TEST(LogMemory, SaysWhenItCannotBeWrittenAndKeepsWhatIsThere) {
    const MemoryFile of;
    LogMemory nowhere(of.folder / "no folder" / "file", "run");
    const Result<Done> kept = nowhere.keep(record(3));
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().fault, Fault::transport);
    EXPECT_NE(kept.error().detail.find("no folder"), std::string::npos);

    LogMemory memory(of.file, "run");
    ASSERT_TRUE(memory.keep(record(3)));
    const FileDescriptor held(::open((of.file.string() + ".lock").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(held.number(), LOCK_EX), 0);
    EXPECT_EQ(memory.keep(record(4)).error().fault, Fault::transport);
    ASSERT_EQ(::flock(held.number(), LOCK_UN), 0);
    EXPECT_EQ(of.last(), record(3));
    EXPECT_TRUE(memory.keep(record(4))) << "the next try is a new one";
}

TEST(LogMemory, AFileThatIsNoneStopsTheProgram) {
    const MemoryFile of;
    ASSERT_TRUE(LogMemory(of.file, "run").keep(record(3)));
    const Bytes sound = read_file(of.file);
    for (std::size_t bytes = 0; bytes + 1 < sound.size(); ++bytes) {
        write_file(of.file, std::span(sound).first(bytes));
        EXPECT_THROW(LogMemory(of.file, "run"), std::runtime_error) << bytes;
    }
    write_file(of.file, sound);
    EXPECT_EQ(of.last(), record(3));
}

}  // namespace
}  // namespace dws
