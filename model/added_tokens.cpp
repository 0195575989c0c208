#include "model/added_tokens.h"

#include <algorithm>

#include "base/require.h"

namespace dws {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens) {
    for (const AddedToken& token : tokens) {
        require(!token.text.empty(), "an added token has a text");
        by_first_byte_[static_cast<std::uint8_t>(token.text[0])].push_back(token);
    }
    for (std::vector<AddedToken>& same : by_first_byte_) {
        std::ranges::stable_sort(same, std::ranges::greater(),
                                 [](const AddedToken& token) { return token.text.size(); });
    }
}

std::optional<AddedTokens::Hit> AddedTokens::first_in(std::string_view text) const {
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
        for (const AddedToken& token : by_first_byte_[static_cast<std::uint8_t>(text[begin])]) {
            if (text.substr(begin).starts_with(token.text))
                return Hit{begin, token.text.size(), token.id};
        }
    }
    return std::nullopt;
}

}  // namespace dws
