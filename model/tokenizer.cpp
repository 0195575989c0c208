#include "model/tokenizer.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/require.h"
#include "model/added_tokens.h"
#include "model/merge_table.h"
#include "model/piece_pattern.h"
#include "model/tokenizer_file.h"
#include "model/unicode_text.h"

namespace dws {
namespace {

// Words come back: a remembered one costs a look-up instead of its merges. Two megabytes of them.
constexpr std::size_t kRememberedMax = 10'000;
constexpr std::size_t kRememberedBytesMax = 32;  // longer pieces hardly do

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};

}  // namespace

class Tokenizer::Parts {
public:
    Parts(TokenizerFile file, const std::string& origin)
        : tokens_(std::move(file.tokens)),
          byte_tokens_(file.byte_tokens),
          has_nfc_(file.has_nfc),
          pattern_(file.pattern, origin),
          merges_(file.merges),
          added_(file.added) {
        for (const AddedToken& token : file.added) ids_.emplace(tokens_[at(token.id)], token.id);
        for (std::size_t id = 0; id < tokens_.size(); ++id)
            if (!tokens_[id].empty()) ids_.emplace(tokens_[id], static_cast<std::int32_t>(id));
    }

    const std::vector<std::string>& tokens() const { return tokens_; }
    const AddedTokens& added() const { return added_; }

    std::optional<std::int32_t> token_of(std::string_view text) const {
        const auto found = ids_.find(text);
        if (found == ids_.end()) return std::nullopt;
        return found->second;
    }

    // text: without added tokens.
    void encode(std::string_view text, std::vector<std::int32_t>& tokens) const {
        const std::string normal = has_nfc_ ? nfc(text) : std::string(text);
        for (const std::string_view piece : pattern_.cut(normal)) encode_piece(piece, tokens);
    }

private:
    static std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

    void encode_piece(std::string_view piece, std::vector<std::int32_t>& tokens) const {
        const bool is_short = piece.size() <= kRememberedBytesMax;
        if (is_short) {
            const std::lock_guard lock(mutex_);
            const auto found = remembered_.find(piece);
            if (found != remembered_.end()) {
                tokens.insert(tokens.end(), found->second.begin(), found->second.end());
                return;
            }
        }
        std::vector<std::int32_t> bytes;
        for (const char byte : piece)
            bytes.push_back(byte_tokens_[static_cast<std::uint8_t>(byte)]);
        std::vector<std::int32_t> merged = merges_.merge(bytes);
        tokens.insert(tokens.end(), merged.begin(), merged.end());
        if (!is_short) return;
        const std::lock_guard lock(mutex_);
        if (remembered_.size() < kRememberedMax) remembered_.emplace(piece, std::move(merged));
    }

    const std::vector<std::string> tokens_;  // id -> bytes; empty: no such token
    const std::array<std::int32_t, 256> byte_tokens_;
    const bool has_nfc_;
    const PiecePattern pattern_;
    const MergeTable merges_;
    const AddedTokens added_;
    std::unordered_map<std::string_view, std::int32_t> ids_;  // views into tokens_
    mutable std::mutex mutex_;
    mutable std::unordered_map<std::string, std::vector<std::int32_t>, TextHash, std::equal_to<>>
        remembered_;  // piece -> tokens; guarded by mutex_
};

Tokenizer Tokenizer::load(const std::filesystem::path& tokenizer_json) {
    return Tokenizer(std::make_unique<const Parts>(
        read_tokenizer_file(tokenizer_json), tokenizer_json.string() + ": the Split's pattern"));
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
    require(text.size() <= kTextBytesMax, "a text has its limit");
    const std::string valid = valid_utf8(text);
    std::vector<std::int32_t> tokens;
    std::string_view rest = valid;
    while (const auto hit = parts_->added().first_in(rest)) {
        parts_->encode(rest.substr(0, hit->begin), tokens);
        tokens.push_back(hit->id);
        rest.remove_prefix(hit->begin + hit->size);
    }
    parts_->encode(rest, tokens);
    return tokens;
}

std::string Tokenizer::decode(std::span<const std::int32_t> tokens) const {
    std::string text;
    for (const std::int32_t token : tokens) {
        const auto id = static_cast<std::uint32_t>(token);  // a negative one is past the end
        if (id < parts_->tokens().size()) text += parts_->tokens()[id];
    }
    return text;
}

std::optional<std::int32_t> Tokenizer::token_of(std::string_view text) const {
    return parts_->token_of(text);
}

int Tokenizer::vocabulary() const { return static_cast<int>(parts_->tokens().size()); }

}  // namespace dws
