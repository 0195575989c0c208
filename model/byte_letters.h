// How tokenizer files spell bytes as letters that can be seen, GPT-2's way: a printable byte of
// Latin-1 is its own letter, the n-th other one is U+0100 + n. So a space is written U+0120.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace dws {

class ByteLetters {
public:
    ByteLetters();

    // The letter in UTF-8.
    std::string letter(std::uint8_t byte) const;
    // The bytes that `text` (valid UTF-8) spells; the text itself when it spells none, as the
    // texts of added tokens may.
    std::string bytes(const std::string& text) const;

private:
    static constexpr std::size_t kLetters = 0x100 + 68;  // 68 bytes are not printable

    std::array<std::uint32_t, 256> letter_of_{};
    std::array<int, kLetters> byte_of_{};  // letter -> byte; -1: none
};

}  // namespace dws
