// The regular expression by which a tokenizer cuts text into pieces before it merges their bytes:
// no token reaches across a cut. Tokenizer files write it for Oniguruma; here PCRE2 reads it, and
// \s is spelled as the property White_Space, where alone the two differ for such patterns (PCRE2
// counts U+180E as a space). Letters and digits are those of PCRE2's Unicode version.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dws {

class PiecePattern {
public:
    // origin: file and key, for complaints. Throws std::runtime_error when it is no pattern.
    PiecePattern(std::string_view pattern, std::string origin);
    ~PiecePattern();

    // All of `text` (valid UTF-8) in its order: every match is a piece, and so is what stands
    // between two. Throws std::runtime_error when the pattern tries too many ways to match.
    std::vector<std::string_view> cut(std::string_view text) const;

private:
    struct Code;

    const std::string origin_;
    const std::unique_ptr<const Code> code_;
};

}  // namespace dws
