#include "env_wordle/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "tests/env_wordle/fixture.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

std::string complaint_about(const std::filesystem::path& file) {
    try {
        read_words(file);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(Words, OnlyFiveLowerCaseLettersAreKept) {
    EXPECT_EQ(words_in("crane\nCrane\naback's\ntrains\nfour\n\n  apple\ncaf\xc3\xa9\ntr-in\ntrain"),
              (WordList{"crane", "train"}));
}

TEST(Words, LinesMayEndInCarriageReturns) {
    EXPECT_EQ(words_in("train\r\ncrane\r\nab\rcd\r\n"), (WordList{"crane", "train"}));
}

TEST(Words, AreSortedAndUnique) {
    EXPECT_EQ(words_in("train\ncrane\ntrain\nabide\n"), (WordList{"abide", "crane", "train"}));
}

TEST(Words, ALineWithoutEndCounts) { EXPECT_EQ(words_in("crane"), WordList{"crane"}); }

TEST(Words, AMissingFileIsNamedWithTheWayToGetOne) {
    const std::string complaint = complaint_about("/nowhere/words.txt");
    EXPECT_NE(complaint.find("/nowhere/words.txt"), std::string::npos) << complaint;
    EXPECT_NE(complaint.find("install the package wamerican-small or set env.words"),
              std::string::npos)
        << complaint;
}

TEST(Words, AFileWithoutWordsIsRefused) {
    const ScratchFolder folder;
    const std::filesystem::path file = folder.path() / "words.txt";
    std::ofstream(file) << "Aaron\nlonger\n";
    EXPECT_NE(complaint_about(file).find(file.string()), std::string::npos);
}

TEST(Words, AFolderIsRefused) {
    const ScratchFolder folder;
    EXPECT_NE(complaint_about(folder.path()), "");
}

TEST(Words, AFileIsReadWhole) {
    const ScratchFolder folder;
    const std::filesystem::path file = folder.path() / "words.txt";
    std::ofstream(file) << "zebra\nApple\nmango\r\n";
    EXPECT_EQ(read_words(file), (WordList{"mango", "zebra"}));
}

TEST(Words, TheSystemListHasThousands) {
    const std::filesystem::path file = "/usr/share/dict/american-english-small";
    if (!std::filesystem::exists(file))
        GTEST_SKIP() << file << " is absent: install the package wamerican-small";
    const WordList words = read_words(file);
    EXPECT_GT(words.size(), 3000u);
    EXPECT_TRUE(contains(words, "crane"));
    EXPECT_FALSE(contains(words, "zzzzz"));
}

// Computed by another program from the description of SplitMix64: every machine draws these.
TEST(Words, SecretsAreTheSameOnEveryMachine) {
    const WordList words = fruit_words();
    EXPECT_EQ(draw_secrets(words, 6, 0),
              (WordList{"abide", "apple", "basil", "chili", "onion", "speed"}));
    EXPECT_EQ(draw_secrets(words, 6, 1),
              (WordList{"berry", "chili", "eagle", "melon", "olive", "onion"}));
    EXPECT_EQ(draw_secrets(words, 6, 20'000),
              (WordList{"apple", "clove", "crane", "lemon", "olive", "thyme"}));
    EXPECT_EQ(draw_secrets(words, 6, ~std::uint64_t{0}),
              (WordList{"allee", "apple", "basil", "onion", "peach", "thyme"}));
}

TEST(Words, ASeedHasTheSameSecretOnEveryMachine) {
    const WordList words = fruit_words();
    const std::vector<std::uint64_t> seeds{0, 1, 2, 3, 20'000, ~std::uint64_t{0}};
    const WordList expected{"onion", "chili", "grape", "melon", "apple", "peach"};
    for (std::size_t index = 0; index < seeds.size(); ++index)
        EXPECT_EQ(secret_for(words, seeds[index]), expected[index]);
}

TEST(Words, SecretsAreDifferentWordsOfTheList) {
    const WordList words = fruit_words();
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const WordList secrets = draw_secrets(words, 12, seed);
        EXPECT_EQ(std::set<std::string>(secrets.begin(), secrets.end()).size(), 12u);
        EXPECT_TRUE(std::is_sorted(secrets.begin(), secrets.end()));
        for (const std::string& secret : secrets) EXPECT_TRUE(contains(words, secret));
    }
}

TEST(Words, NoCountMeansAll) {
    EXPECT_EQ(draw_secrets(fruit_words(), 0, 7), fruit_words());
    EXPECT_EQ(draw_secrets(fruit_words(), fruit_words().size(), 7), fruit_words());
}

TEST(Words, MoreSecretsThanWordsAreRefused) {
    EXPECT_THROW(draw_secrets(fruit_words(), 21, 7), std::runtime_error);
}

TEST(Words, NeighbouringSeedsReachEverySecret) {
    std::set<std::string> reached;
    for (std::uint64_t seed = 0; seed < 200; ++seed)
        reached.insert(secret_for(fruit_words(), seed));
    EXPECT_EQ(reached.size(), fruit_words().size());
}

}  // namespace
}  // namespace dws
