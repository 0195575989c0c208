#include "sync/bucket/new_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "tests/support/files.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

class NewFileTest : public testing::Test {
protected:
    const ScratchFolder scratch_;
    const fs::path path_ = scratch_ / "unfinished";
    const fs::path name_ = scratch_ / "name";

    static std::string text_in(const fs::path& path) {
        return std::string(text_of(read_file(path)));
    }
    std::ptrdiff_t files() const {
        return std::distance(fs::directory_iterator(scratch_.path()), fs::directory_iterator());
    }
};

TEST_F(NewFileTest, HasItsNameOnlyWhenItIsWhole) {
    NewFile file(path_);
    file.append(bytes_of("one, "));
    EXPECT_FALSE(fs::exists(name_));
    file.append(bytes_of("two"));
    EXPECT_EQ(file.size_bytes(), 8u);
    ASSERT_EQ(file.create(name_), 0);
    EXPECT_EQ(text_in(name_), "one, two");
    EXPECT_EQ(files(), 1) << "and no other name";
}

TEST_F(NewFileTest, WhatIsNotFinishedIsRemoved) {
    {
        NewFile file(path_);
        file.append(bytes_of("half"));
        EXPECT_TRUE(fs::exists(path_));
    }
    EXPECT_EQ(files(), 0);
}

TEST_F(NewFileTest, WhatIsFinishedStaysWhereItIs) {
    {
        NewFile file(path_);
        file.append(bytes_of("whole"));
        EXPECT_EQ(file.finish(), 0);
        EXPECT_EQ(file.finish(), 0) << "once more changes nothing";
    }
    EXPECT_EQ(text_in(path_), "whole");
}

TEST_F(NewFileTest, ReplacesWhatHadTheName) {
    write_file(name_, bytes_of("before"));
    NewFile file(path_);
    file.append(bytes_of("after"));
    ASSERT_EQ(file.replace(name_), 0);
    EXPECT_EQ(text_in(name_), "after");
    EXPECT_EQ(files(), 1);
}

TEST_F(NewFileTest, CreatesNothingWhereTheNameIsTaken) {
    write_file(name_, bytes_of("before"));
    NewFile file(path_);
    file.append(bytes_of("after"));
    EXPECT_EQ(file.create(name_), EEXIST);
    EXPECT_EQ(text_in(name_), "before");
    EXPECT_EQ(files(), 1);
}

TEST_F(NewFileTest, ANameThatCannotBeGivenLeavesNothing) {
    fs::create_directory(name_);
    for (const bool replaces : {true, false}) {
        NewFile file(path_);
        file.append(bytes_of("whole"));
        EXPECT_EQ(replaces ? file.replace(name_) : file.create(name_), replaces ? EISDIR : EEXIST);
        EXPECT_TRUE(file.has_failed());
        EXPECT_EQ(files(), 1);
    }
    NewFile file(path_);
    EXPECT_EQ(file.replace(scratch_ / "nowhere" / "name"), ENOENT);
    EXPECT_EQ(files(), 1);
}

TEST_F(NewFileTest, APathThatIsTakenIsNotTouched) {
    write_file(path_, bytes_of("somebody else's"));
    {
        NewFile file(path_);
        EXPECT_TRUE(file.has_failed());
        file.append(bytes_of("mine"));
        EXPECT_EQ(file.replace(name_), EEXIST);
    }
    EXPECT_EQ(text_in(path_), "somebody else's");
    EXPECT_FALSE(fs::exists(name_));
}

TEST_F(NewFileTest, ALinkIsNotFollowed) {
    fs::create_symlink(scratch_ / "elsewhere", path_);
    NewFile file(path_);
    EXPECT_TRUE(file.has_failed());
    EXPECT_FALSE(fs::exists(scratch_ / "elsewhere"));
}

TEST_F(NewFileTest, HasTheModeItIsGiven) {
    NewFile file(path_, 0600);
    ASSERT_EQ(file.replace(name_), 0);
    struct stat status {};
    ASSERT_EQ(::stat(name_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

// As a full disk does: the write stops in the middle.
TEST_F(NewFileTest, AWriteThatFailsHalfWayLeavesNothing) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 1'000, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    {
        NewFile file(path_);
        file.append(Bytes(3'000));
        EXPECT_TRUE(file.has_failed());
        file.append(bytes_of("nothing more is written"));
        EXPECT_EQ(file.replace(name_), EFBIG);
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(files(), 0);
}

}  // namespace
}  // namespace dws
