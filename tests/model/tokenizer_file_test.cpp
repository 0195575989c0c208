// Every way in which a tokenizer.json can be wrong, and what is said of it.
#include "model/tokenizer_file.h"

#include <gtest/gtest.h>

#include "tests/model/tokenizer_json.h"

namespace dws {
namespace {

using nlohmann::json;

TEST(TokenizerFile, AMissingFileAndAFolderAreNamed) {
    const ScratchFolder folder;
    EXPECT_THROW(read_tokenizer_file(folder / "none.json"), std::runtime_error);
    EXPECT_THROW(read_tokenizer_file(folder.path()), std::runtime_error);
}

TEST(TokenizerFile, WhatIsNoJsonObjectIsRefused) {
    const TokenizerJson file;
    for (const std::string text : {"", "{", "[]", "1", "\"a\"", "{} {}", "\xff"})
        EXPECT_EQ(file.refusal_of(text), "tokenizer.json: is not a JSON object") << text;
}

TEST(TokenizerFile, EveryTruncationIsRefused) {
    const TokenizerJson file;
    const std::string whole = json{{"decoder", {{"type", "ByteLevel"}}}}.dump();
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_NE(file.refusal_of(whole.substr(0, size)), "") << size;
}

TEST(TokenizerFile, ADeepOneIsRefusedBeforeItIsBuilt) {
    const TokenizerJson file;
    EXPECT_EQ(file.refusal_of(std::string(1u << 20, '[')),
              "tokenizer.json: nested more than 16 deep");
}

TEST(TokenizerFile, AHugeOneIsRefusedBeforeItIsRead) {
    const TokenizerJson file;
    std::ofstream(file.file()) << "{}";
    std::filesystem::resize_file(file.file(), (64u << 20) + 1);  // sparse
    EXPECT_THROW(read_tokenizer_file(file.file()), std::runtime_error);
}

// A change to a sound file -> the complaint.
struct Wrong {
    std::string path;  // JSON pointer
    json value;
    std::string complaint;
};

TEST(TokenizerFile, WhatThisTokenizerDoesNotDoIsNamed) {
    const std::string pre = "tokenizer.json: pre_tokenizer";
    const std::vector<Wrong> all{
        {"/model/type", "Unigram",
         "tokenizer.json: model.type: is \"Unigram\"; this tokenizer has "
         "\"BPE\""},
        {"/model/dropout", 0.5,
         "tokenizer.json: model.dropout: is 0.5, which this tokenizer does "
         "not do"},
        {"/model/unk_token", "<unk>", "tokenizer.json: model.unk_token: is \"<unk>\", which"},
        {"/model/byte_fallback", true, "tokenizer.json: model.byte_fallback: is true, which"},
        {"/model/ignore_merges", true, "tokenizer.json: model.ignore_merges: is true, which"},
        {"/model/end_of_word_suffix", "</w>", "tokenizer.json: model.end_of_word_suffix: is"},
        {"/normalizer/type", "NFKC", "tokenizer.json: normalizer.type: is \"NFKC\"; this"},
        {"/decoder/type", "WordPiece", "tokenizer.json: decoder.type: is \"WordPiece\"; this"},
        {"/post_processor/type", "TemplateProcessing", "tokenizer.json: post_processor.type: is"},
        {"/truncation", json{{"max_length", 5}}, "tokenizer.json: truncation: is an object, which"},
        {"/padding", json{{"pad_id", 0}}, "tokenizer.json: padding: is an object, which"},
        {"/added_tokens/1/lstrip", true, "tokenizer.json: added_tokens[1].lstrip: is true, which"},
        {"/added_tokens/0/normalized", true, "tokenizer.json: added_tokens[0].normalized: is"},
        {"/pre_tokenizer/type", "Whitespace", pre + ".type: is \"Whitespace\"; this"},
        {"/pre_tokenizer/pretokenizers/0/behavior", "Removed",
         pre + ".pretokenizers[0].behavior: is \"Removed\"; this"},
        {"/pre_tokenizer/pretokenizers/0/invert", true, pre + ".pretokenizers[0].invert: is true"},
        {"/pre_tokenizer/pretokenizers/0/pattern", json{{"String", " "}},
         pre + ".pretokenizers[0].pattern: Regex is missing"},
        {"/pre_tokenizer/pretokenizers/1/use_regex", true, pre + ".pretokenizers[1].use_regex: is"},
        {"/pre_tokenizer/pretokenizers/1/add_prefix_space", true,
         pre + ".pretokenizers[1].add_prefix_space: is true; this"},
    };
    for (const Wrong& wrong : all) {
        TokenizerJson file;
        file.at(wrong.path) = wrong.value;
        const std::string refusal = file.refusal();
        EXPECT_TRUE(refusal.starts_with(wrong.complaint)) << wrong.path << ": " << refusal;
        EXPECT_EQ(refusal.find('\n'), std::string::npos);
    }
}

TEST(TokenizerFile, EveryKeyItNeedsIsNamedWhenItIsMissing) {
    for (const std::string path :
         {"/added_tokens", "/pre_tokenizer", "/pre_tokenizer/pretokenizers", "/decoder", "/model",
          "/model/type", "/model/vocab", "/model/merges", "/added_tokens/0/content",
          "/added_tokens/0/id", "/pre_tokenizer/pretokenizers/0/pattern",
          "/pre_tokenizer/pretokenizers/0/behavior", "/pre_tokenizer/pretokenizers/1/use_regex"}) {
        const json::json_pointer pointer(path);
        TokenizerJson file;
        file.at(pointer.parent_pointer().to_string()).erase(pointer.back());
        const std::string refusal = file.refusal();
        EXPECT_TRUE(refusal.ends_with(pointer.back() + " is missing")) << path << ": " << refusal;
    }
}

// Each of these would be found by a library that throws what is not ours, or not at all.
TEST(TokenizerFile, ValuesOfAnotherKindAreRefusedEverywhere) {
    for (const std::string path :
         {"/added_tokens", "/added_tokens/0", "/added_tokens/0/content", "/added_tokens/0/id",
          "/normalizer", "/pre_tokenizer", "/pre_tokenizer/pretokenizers",
          "/pre_tokenizer/pretokenizers/0", "/pre_tokenizer/pretokenizers/0/pattern",
          "/pre_tokenizer/pretokenizers/0/pattern/Regex", "/decoder", "/post_processor", "/model",
          "/model/vocab", "/model/merges", "/model/merges/0", "/model/merges/0/0"}) {
        for (const json& value : {json(-1), json(1.5), json(true), json::object({{"a", 1}}),
                                  json::array({1, 2}), json::array({json::array({1})})}) {
            TokenizerJson file;
            file.at(path) = value;
            EXPECT_TRUE(file.refusal().starts_with("tokenizer.json: ")) << path << " = " << value;
        }
    }
}

TEST(TokenizerFile, IdsOutsideTheirRangeAreRefused) {
    for (const json& id : {json(-1), json(1 << 20), json(1e30), json(1.5), json("7"), json(),
                           json(18446744073709551615u)}) {
        TokenizerJson vocabulary, added;
        vocabulary.vocabulary()["a"] = id;
        EXPECT_TRUE(
            vocabulary.refusal().starts_with("tokenizer.json: model.vocab: the id of \"a\" "
                                             "is " +
                                             id.dump()))
            << vocabulary.refusal();
        added["added_tokens"][0]["id"] = id;
        EXPECT_TRUE(added.refusal().starts_with("tokenizer.json: added_tokens[0]: the id of "))
            << added.refusal();
    }
}

TEST(TokenizerFile, TwoTokensWithOneIdAreRefused) {
    TokenizerJson vocabulary;
    const int id = vocabulary.vocabulary()["a"];
    vocabulary.vocabulary()["b"] = id;
    EXPECT_EQ(vocabulary.refusal(),
              "tokenizer.json: model.vocab: two tokens have the id " + std::to_string(id));
    TokenizerJson added;
    added["added_tokens"][0]["id"] = id;
    EXPECT_EQ(added.refusal(),
              "tokenizer.json: added_tokens[0]: two tokens have the id " + std::to_string(id));
}

TEST(TokenizerFile, AnAddedTokenHasOneIdOnly) {
    TokenizerJson file;
    file["added_tokens"][1]["content"] = file["added_tokens"][0]["content"];
    const std::string id = file["added_tokens"][0]["id"].dump();
    EXPECT_EQ(file.refusal(),
              "tokenizer.json: added_tokens[1]: " + file["added_tokens"][0]["content"].dump() +
                  " has the id " + id + " already");
}

TEST(TokenizerFile, ATokenWithoutATextIsRefused) {
    TokenizerJson vocabulary, added;
    vocabulary.vocabulary()[""] = 5000;
    added["added_tokens"][0]["content"] = "";
    EXPECT_EQ(vocabulary.refusal(), "tokenizer.json: model.vocab: a token without a text");
    EXPECT_EQ(added.refusal(), "tokenizer.json: added_tokens[0]: a token without a text");
}

TEST(TokenizerFile, EveryByteNeedsAToken) {
    TokenizerJson file;
    file.vocabulary().erase("\u0120");
    EXPECT_EQ(file.refusal(), "tokenizer.json: model.vocab: no token for byte 0x20");
}

TEST(TokenizerFile, MergesNameTokensOfTheVocabulary) {
    for (const json& merge : {json{"a", "nosuch"}, json{"nosuch", "a"}, json{"\u00ff", "\u00fe"}}) {
        TokenizerJson file;
        file.merges()[3] = merge;
        EXPECT_TRUE(file.refusal().starts_with("tokenizer.json: model.merges[3]: \"")) << merge;
        EXPECT_TRUE(file.refusal().ends_with(" is not in the vocabulary")) << merge;
    }
}

TEST(TokenizerFile, AMergeIsTwoTokens) {
    const auto refusal = [](const json& merge) {
        TokenizerJson file;
        file.merges()[0] = merge;
        return file.refusal();
    };
    EXPECT_EQ(refusal({"a", "b", "c"}), "tokenizer.json: model.merges[0]: is not a pair");
    EXPECT_EQ(refusal(json::array({"a"})), "tokenizer.json: model.merges[0]: is not a pair");
    for (const char* text : {"ab", "a b c", "", "a  b"})
        EXPECT_EQ(refusal(text),
                  "tokenizer.json: model.merges[0]: is not two tokens with a space between");
}

TEST(TokenizerFile, CountsHaveALimit) {
    TokenizerJson merges, added;
    merges.merges() = json::array();
    for (std::size_t i = 0; i <= 1u << 20; ++i) merges.merges().push_back(0);
    EXPECT_EQ(merges.refusal(), "tokenizer.json: model.merges: 1048577 items, above 1048576");
    for (std::size_t i = 0; i <= 1u << 14; ++i) added["added_tokens"].push_back(0);
    EXPECT_NE(added.refusal().find(" items, above 16384"), std::string::npos);
}

TEST(TokenizerFile, APatternThatIsWrongOrTooLongIsRefused) {
    const auto refusal = [](const std::string& pattern) {
        TokenizerJson file;
        file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern;
        return file.refusal();
    };
    EXPECT_TRUE(refusal("(").starts_with("tokenizer.json: the Split's pattern: missing "));
    EXPECT_TRUE(refusal("\\C").starts_with("tokenizer.json: the Split's pattern: "));
    EXPECT_TRUE(refusal(std::string(5000, 'a')).ends_with("more than 4096 bytes"));
}

}  // namespace
}  // namespace dws
