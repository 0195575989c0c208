// What a Hugging Face tokenizer.json says, checked: it is a byte-level BPE tokenizer as Qwen's are,
// and every number in it fits. What this tokenizer does not do (dropout, prefixes, stripping,
// templates that add tokens) is refused by name instead of being passed over.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "model/added_tokens.h"
#include "model/merge_table.h"

namespace dws {

struct TokenizerFile {
    std::vector<std::string> tokens;            // (highest id + 1,) bytes; empty: no such token
    std::array<std::int32_t, 256> byte_tokens;  // byte -> the token that is this byte alone
    std::vector<MergeRule> merges;              // (merges,) the first goes first
    std::vector<AddedToken> added;
    std::string pattern;  // of the Split pre-tokenizer
    bool has_nfc = false;
};

// Throws std::runtime_error with one line that names file and key.
TokenizerFile read_tokenizer_file(const std::filesystem::path& tokenizer_json);

}  // namespace dws
