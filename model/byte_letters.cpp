#include "model/byte_letters.h"

namespace dws {
namespace {

bool is_printable(std::uint32_t byte) {
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

}  // namespace

ByteLetters::ByteLetters() {
    byte_of_.fill(-1);
    std::uint32_t others = 0;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        const std::uint32_t letter = is_printable(byte) ? byte : 0x100 + others++;
        letter_of_[byte] = letter;
        byte_of_[letter] = static_cast<int>(byte);
    }
}

std::string ByteLetters::letter(std::uint8_t byte) const {
    const std::uint32_t letter = letter_of_[byte];
    if (letter < 0x80) return {static_cast<char>(letter)};
    return {static_cast<char>(0xc0 | letter >> 6), static_cast<char>(0x80 | (letter & 0x3f))};
}

std::string ByteLetters::bytes(const std::string& text) const {
    std::string spelled;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::uint32_t letter = static_cast<std::uint8_t>(text[i]);
        if (letter >= 0xe0) return text;  // three bytes or four: no letter of ours
        if (letter >= 0x80)
            letter = (letter & 0x1f) << 6 | (static_cast<std::uint8_t>(text[++i]) & 0x3f);
        if (letter >= byte_of_.size() || byte_of_[letter] < 0) return text;
        spelled += static_cast<char>(byte_of_[letter]);
    }
    return spelled;
}

}  // namespace dws
