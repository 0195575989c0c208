#include "model/tokenizer_file.h"

#include <fmt/format.h>

#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/byte_letters.h"

namespace dws {
namespace {

using nlohmann::json;

constexpr std::uintmax_t kFileBytesMax = 64u << 20;  // Qwen3's has 11 MB
constexpr int kDepthMax = 16;                        // Qwen3's nests five deep
constexpr std::int32_t kTokensMax = 1 << 20;         // six times Qwen3's
constexpr std::size_t kMergesMax = 1u << 20;         // each makes a token
constexpr std::size_t kAddedMax = 1u << 14;          // Qwen3 has 26
constexpr std::size_t kPatternBytesMax = 4096;       // Qwen3's has 110

// For complaints, on one line: texts are quoted and escaped, values that may be long cut off.
std::string shown(const json& value) {
    constexpr std::size_t kMost = 60;
    if (value.is_structured()) return value.is_array() ? "a list" : "an object";
    return value.dump(-1, ' ', true).substr(0, kMost);
}

// A value of the file and the name of its place, the start of every complaint about it.
class Node {
public:
    // place: "FILE:" for the root, "FILE: a.b" below it.
    Node(const json& value, std::string place) : value_(value), place_(std::move(place)) {}

    [[noreturn]] void refuse(const std::string& what) const {
        throw std::runtime_error(place_ + (is_root() ? " " : ": ") + what);
    }
    const json& value() const { return value_; }

    bool has(const std::string& key) const {
        const auto found = value_.find(key);
        return found != value_.end() && !found->is_null();
    }
    Node member(const std::string& key) const {
        if (!value_.is_object()) refuse("is not an object");
        const auto found = value_.find(key);
        if (found == value_.end()) refuse(key + " is missing");
        return {*found, place_ + (is_root() ? " " : ".") + key};
    }
    Node item(std::size_t index) const {
        return {value_[index], fmt::format("{}[{}]", place_, index)};
    }
    std::size_t items(std::size_t most) const {
        if (!value_.is_array()) refuse("is not a list");
        if (value_.size() > most) refuse(fmt::format("{} items, above {}", value_.size(), most));
        return value_.size();
    }
    const std::string& text() const {
        if (!value_.is_string()) refuse("is not a text");
        return value_.get_ref<const std::string&>();
    }

    // The member must be there and be this.
    void expect(const std::string& key, const json& wanted) const {
        const Node found = member(key);
        if (found.value_ != wanted)
            found.refuse("is " + shown(found.value_) + "; this tokenizer has " + shown(wanted));
    }
    // A member that may be absent, null, or one of these.
    void allow(const std::string& key, std::initializer_list<json> allowed) const {
        if (!has(key)) return;
        const Node found = member(key);
        for (const json& each : allowed)
            if (found.value_ == each) return;
        found.refuse("is " + shown(found.value_) + ", which this tokenizer does not do");
    }

private:
    bool is_root() const { return place_.ends_with(':'); }

    const json& value_;
    const std::string place_;
};

json read_json(const std::filesystem::path& file) {
    const auto refuse = [&](const std::string& what) {
        throw std::runtime_error(file.string() + ": " + what);
    };
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) refuse("is not a file");
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (error) refuse("cannot be read");
    if (size > kFileBytesMax) refuse("more than 64 MiB is no tokenizer");
    std::string text(size, '\0');
    std::ifstream stream(file, std::ios::binary);
    if (!stream.read(text.data(), static_cast<std::streamsize>(size))) refuse("cannot be read");

    const auto keep_shallow = [&](int depth, json::parse_event_t, const json&) {
        if (depth > kDepthMax) refuse(fmt::format("nested more than {} deep", kDepthMax));
        return true;
    };
    json root = json::parse(text, keep_shallow, false);  // discarded when malformed
    if (root.is_discarded() || !root.is_object()) refuse("is not a JSON object");
    return root;
}

std::int32_t id_in(const json& value, const Node& where, const std::string& text) {
    if (!value.is_number_integer() || value < 0 || value >= kTokensMax)
        where.refuse(fmt::format("the id of {} is {}, not a whole number from 0 to {}", shown(text),
                                 shown(value), kTokensMax - 1));
    return value.get<std::int32_t>();
}

// text: as it is decoded.
void put(std::int32_t id, const std::string& text, const Node& where, TokenizerFile& file) {
    const auto place = static_cast<std::size_t>(id);
    if (place >= file.tokens.size()) file.tokens.resize(place + 1);
    if (!file.tokens[place].empty() && file.tokens[place] != text)
        where.refuse(fmt::format("two tokens have the id {}", id));
    file.tokens[place] = text;
}

using Ids = std::unordered_map<std::string_view, std::int32_t>;  // text -> id

// The ids by the texts as the file spells them, which are views into `vocabulary`.
Ids read_vocabulary(const Node& vocabulary, TokenizerFile& file) {
    if (!vocabulary.value().is_object()) vocabulary.refuse("is not an object");
    if (vocabulary.value().size() > std::size_t{kTokensMax})
        vocabulary.refuse(fmt::format("more than {} tokens", kTokensMax));
    const ByteLetters letters;
    Ids ids;
    ids.reserve(vocabulary.value().size());
    for (const auto& [text, value] : vocabulary.value().items()) {
        if (text.empty()) vocabulary.refuse("a token without a text");
        const std::int32_t id = id_in(value, vocabulary, text);
        put(id, letters.bytes(text), vocabulary, file);
        ids.emplace(text, id);
    }
    for (std::size_t byte = 0; byte < file.byte_tokens.size(); ++byte) {
        const auto found = ids.find(letters.letter(static_cast<std::uint8_t>(byte)));
        if (found == ids.end()) vocabulary.refuse(fmt::format("no token for byte {:#04x}", byte));
        file.byte_tokens[byte] = found->second;
    }
    return ids;
}

// "left right", or ["left", "right"] as newer files have it.
std::pair<std::string, std::string> parts_of(const Node& merge) {
    if (merge.value().is_array()) {
        if (merge.value().size() != 2) merge.refuse("is not a pair");
        return {merge.item(0).text(), merge.item(1).text()};
    }
    const std::string& both = merge.text();
    const std::size_t space = both.find(' ');
    if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos)
        merge.refuse("is not two tokens with a space between");
    return {both.substr(0, space), both.substr(space + 1)};
}

void read_merges(const Node& merges, const Ids& ids, TokenizerFile& file) {
    const std::size_t size = merges.items(kMergesMax);
    for (std::size_t i = 0; i < size; ++i) {
        const Node merge = merges.item(i);
        const auto [left, right] = parts_of(merge);
        const auto id_of = [&](const std::string& text) {
            const auto found = ids.find(text);
            if (found == ids.end()) merge.refuse(shown(text) + " is not in the vocabulary");
            return found->second;
        };
        file.merges.push_back({id_of(left), id_of(right), id_of(left + right)});
    }
}

void read_model(const Node& model, TokenizerFile& file) {
    model.expect("type", "BPE");
    model.allow("dropout", {});
    model.allow("unk_token", {});
    model.allow("continuing_subword_prefix", {""});
    model.allow("end_of_word_suffix", {""});
    model.allow("fuse_unk", {false});
    model.allow("byte_fallback", {false});
    model.allow("ignore_merges", {false});
    const Node vocabulary = model.member("vocab");
    const Ids ids = read_vocabulary(vocabulary, file);
    read_merges(model.member("merges"), ids, file);
}

void read_added(const Node& added, TokenizerFile& file) {
    const std::vector<std::string> tokens = file.tokens;  // what `ids` views stays where it is
    Ids ids;
    for (std::size_t id = 0; id < tokens.size(); ++id)
        if (!tokens[id].empty()) ids.emplace(tokens[id], static_cast<std::int32_t>(id));
    const std::size_t size = added.items(kAddedMax);
    for (std::size_t i = 0; i < size; ++i) {
        const Node token = added.item(i);
        for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"})
            token.allow(flag, {false});
        const std::string& text = token.member("content").text();
        if (text.empty()) token.refuse("a token without a text");
        const std::int32_t id = id_in(token.member("id").value(), token, text);
        const auto [known, is_new] = ids.emplace(text, id);
        if (!is_new && known->second != id)
            token.refuse(fmt::format("{} has the id {} already", shown(text), known->second));
        put(id, text, token, file);
        file.added.push_back({text, id});
    }
}

// Qwen's: a Split by a pattern, then bytes as letters without a pattern of their own.
void read_pre_tokenizer(const Node& pre_tokenizer, TokenizerFile& file) {
    pre_tokenizer.expect("type", "Sequence");
    const Node steps = pre_tokenizer.member("pretokenizers");
    if (steps.items(2) != 2) steps.refuse("is not a Split and a ByteLevel");
    const Node split = steps.item(0), byte_level = steps.item(1);
    split.expect("type", "Split");
    split.expect("behavior", "Isolated");
    split.allow("invert", {false});
    byte_level.expect("type", "ByteLevel");
    byte_level.expect("add_prefix_space", false);
    byte_level.expect("use_regex", false);
    const Node pattern = split.member("pattern").member("Regex");
    file.pattern = pattern.text();
    if (file.pattern.size() > kPatternBytesMax)
        pattern.refuse(fmt::format("more than {} bytes", kPatternBytesMax));
}

void read_surroundings(const Node& root, TokenizerFile& file) {
    root.allow("truncation", {});
    root.allow("padding", {});
    root.member("decoder").expect("type", "ByteLevel");
    // A ByteLevel one moves offsets, which nobody here asks for; others add tokens.
    if (root.has("post_processor")) root.member("post_processor").expect("type", "ByteLevel");
    file.has_nfc = root.has("normalizer");
    if (file.has_nfc) root.member("normalizer").expect("type", "NFC");
}

}  // namespace

TokenizerFile read_tokenizer_file(const std::filesystem::path& tokenizer_json) {
    const json object = read_json(tokenizer_json);
    const Node root(object, tokenizer_json.string() + ":");
    TokenizerFile file;
    read_surroundings(root, file);
    read_pre_tokenizer(root.member("pre_tokenizer"), file);
    read_model(root.member("model"), file);
    read_added(root.member("added_tokens"), file);
    return file;
}

}  // namespace dws
