// Text to tokens and back, as Hugging Face's `tokenizers` does it from the same tokenizer.json:
// byte-level BPE, Qwen's kind (tokenizer_file.h has what is read and what is refused).
//
//   text -> U+FFFD for what is not UTF-8 -> cut at added tokens -> NFC, if the file asks for it
//        -> cut by the file's pattern -> bytes -> merges
//
// Letters, digits and compositions are those of the Unicode versions of PCRE2 and utf8proc: a
// character younger than these may be cut otherwise than elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dws {

class Tokenizer {
public:
    // Many times what fits into a context; keeps Qwen's pattern within its limit of steps.
    static constexpr std::size_t kTextBytesMax = 4u << 20;

    // Throws std::runtime_error with one line that names file and key.
    static Tokenizer load(const std::filesystem::path& tokenizer_json);
    Tokenizer(Tokenizer&&) noexcept;
    ~Tokenizer();

    // text: at most kTextBytesMax bytes; added tokens in it are recognised, the longest where
    // several begin. From any thread. Throws std::runtime_error when the file's pattern gives up.
    std::vector<std::int32_t> encode(std::string_view text) const;
    // Bytes, which may end inside a character. Added tokens as their text; an id without a token
    // is nothing, since models have more ids than their tokenizers.
    std::string decode(std::span<const std::int32_t> tokens) const;
    // The token that is these bytes, whole.
    std::optional<std::int32_t> token_of(std::string_view text) const;
    int vocabulary() const;  // the highest id + 1

private:
    class Parts;
    explicit Tokenizer(std::unique_ptr<const Parts> parts);

    std::unique_ptr<const Parts> parts_;
};

}  // namespace dws
