// The tokens that stand for themselves: <|im_start|> is never cut, normalised or merged.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dws {

struct AddedToken {
    std::string text;  // not empty
    std::int32_t id = 0;
};

class AddedTokens {
public:
    explicit AddedTokens(const std::vector<AddedToken>& tokens);

    struct Hit {
        std::size_t begin;  // byte in the text
        std::size_t size;
        std::int32_t id;
    };
    // The first place in `text` where one begins, and the longest that does so there.
    std::optional<Hit> first_in(std::string_view text) const;

private:
    std::array<std::vector<AddedToken>, 256> by_first_byte_;  // the longest first
};

}  // namespace dws
