#include "model/tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "model/unicode_text.h"
#include "tests/model/tokenizer_json.h"

namespace dws {
namespace {

using nlohmann::json;
using Tokens = std::vector<std::int32_t>;

const Tokenizer& golden() {
    static const Tokenizer tokenizer = Tokenizer::load(golden_tokenizer());
    return tokenizer;
}

const json& expectations() {
    static const json all =
        read_json_file(std::filesystem::path(SOURCE_ROOT) / "tests/golden/tokenizer/strings.json");
    return all;
}

std::string bytes_of_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

TEST(Tokenizer, EncodesEveryGoldenStringAsHuggingFaceDoes) {
    std::size_t strings = 0;
    for (const json& entry : expectations()["strings"]) {
        EXPECT_EQ(golden().encode(entry["text"].get<std::string>()), entry["ids"].get<Tokens>())
            << entry.dump(-1, ' ', true);
        strings += 1;
    }
    EXPECT_GT(strings, 3000u);
}

TEST(Tokenizer, DecodesEveryGoldenStringAsHuggingFaceDoes) {
    std::size_t composed = 0;
    for (const json& entry : expectations()["strings"]) {
        const json& decoded = entry.contains("decoded") ? entry["decoded"] : entry["text"];
        EXPECT_EQ(golden().decode(entry["ids"].get<Tokens>()), decoded.get<std::string>());
        composed += entry.contains("decoded");
    }
    EXPECT_GT(composed, 100u) << "strings that NFC changes";
}

TEST(Tokenizer, BytesThatAreNotUtf8AreReadAsReplacementCharacters) {
    for (const json& entry : expectations()["bytes"]) {
        EXPECT_EQ(golden().encode(bytes_of_hex(entry["hex"])), entry["ids"].get<Tokens>())
            << entry["hex"];
    }
    EXPECT_EQ(golden().decode(golden().encode("a\xff")), "a\xef\xbf\xbd");
}

TEST(Tokenizer, WhatItDecodesIsTheTextInNormalForm) {
    const unsigned seed = std::random_device{}();
    std::mt19937 random(seed);
    for (int round = 0; round < 300; ++round) {
        std::string text;
        for (auto i = random() % 30; i > 0; --i) text += static_cast<char>(random() % 256);
        const std::string valid = valid_utf8(text);
        EXPECT_EQ(golden().decode(golden().encode(text)), nfc(valid)) << "seed " << seed;
    }
}

TEST(Tokenizer, TheSameTextGivesTheSameTokensAgain) {
    for (const json& entry : expectations()["strings"]) {
        const std::string text = entry["text"];
        EXPECT_EQ(golden().encode(text), golden().encode(text));
    }
}

TEST(Tokenizer, ThreadsMayEncodeAtOnce) {
    const Tokenizer tokenizer = Tokenizer::load(golden_tokenizer());
    const auto encode_all = [&] {
        for (const json& entry : expectations()["strings"])
            EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>()),
                      entry["ids"].get<Tokens>());
    };
    const std::jthread other(encode_all);
    encode_all();
}

TEST(Tokenizer, BothLayoutsOfMergesAreTheSameTokenizer) {
    TokenizerJson spelled;
    ASSERT_TRUE(spelled.merges()[0].is_array());
    for (json& merge : spelled.merges())
        merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
    const Tokenizer tokenizer = spelled.load();
    for (const json& entry : expectations()["strings"]) {
        EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>()), entry["ids"].get<Tokens>());
    }
}

// "abc" by the rules (a b), (b c), (ab c): which of the first two stands first decides.
TEST(Tokenizer, TheEarlierMergeGoesFirst) {
    for (const bool is_ab_first : {true, false}) {
        TokenizerJson small;
        const auto id_of = [&](const char* text) { return small.vocabulary()[text].get<int>(); };
        const int a = id_of("a"), c = id_of("c");
        json vocabulary;
        for (const auto& [text, id] : small.vocabulary().items())
            if (golden().decode(Tokens{id.get<std::int32_t>()}).size() == 1) vocabulary[text] = id;
        vocabulary["ab"] = 5000;
        vocabulary["bc"] = 5001;
        small.vocabulary() = vocabulary;
        small.merges() = is_ab_first ? json{"a b", "b c"} : json{"b c", "a b"};
        EXPECT_EQ(small.load().encode("abc"), is_ab_first ? (Tokens{5000, c}) : (Tokens{a, 5001}));
    }
}

TEST(Tokenizer, NoNormalizerMeansNoNormalForm) {
    TokenizerJson raw;
    raw["normalizer"] = nullptr;
    const Tokenizer tokenizer = raw.load();
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("e\xcc\x81")), "e\xcc\x81");
    EXPECT_EQ(golden().decode(golden().encode("e\xcc\x81")), "\xc3\xa9");
}

TEST(Tokenizer, TheLongestAddedTokenIsTaken) {
    TokenizerJson more;
    const auto add = [&](const char* text, int id) {
        json token = more["added_tokens"][0];
        token["content"] = text;
        token["id"] = id;
        more["added_tokens"].push_back(token);
    };
    add("<|im_start|><|", 3000);
    add("im_end|>", 3001);
    const Tokenizer tokenizer = more.load();
    EXPECT_EQ(tokenizer.encode("<|im_start|><|im_end|>"), (Tokens{3000, 3001}));
    EXPECT_EQ(tokenizer.encode("<|im_end|>"), Tokens{*golden().token_of("<|im_end|>")});
}

TEST(Tokenizer, AWholeTokenIsFoundByItsBytes) {
    for (const std::string text : {"a", " ", "\n", "\xff", "<|im_end|>", "</think>"}) {
        const auto token = golden().token_of(text);
        ASSERT_TRUE(token.has_value()) << text;
        EXPECT_EQ(golden().decode(Tokens{*token}), text);
    }
    EXPECT_FALSE(golden().token_of("").has_value());
    EXPECT_FALSE(golden().token_of("no such token").has_value());
}

TEST(Tokenizer, TheVocabularyEndsAfterTheHighestId) {
    EXPECT_EQ(golden().vocabulary(), *golden().token_of("</think>") + 1);
}

TEST(Tokenizer, IdsWithoutATokenDecodeToNothing) {
    const std::int32_t end = golden().vocabulary();
    EXPECT_EQ(golden().decode(Tokens{-1, end, *golden().token_of("a"), end + 1000, INT32_MAX}),
              "a");
}

TEST(Tokenizer, ALongRunOfSpacesOrOfOneLetterIsNoTrouble) {
    for (const char letter : {'a', ' '}) {
        const std::string text(letter == ' ' ? Tokenizer::kTextBytesMax : 1u << 18, letter);
        EXPECT_EQ(golden().decode(golden().encode(text)), text);
    }
}

}  // namespace
}  // namespace dws
