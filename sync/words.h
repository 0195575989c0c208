// Words of 1, 2 or 4 bytes inside a byte buffer, little-endian as in every file this room writes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/require.h"

namespace dws {

static_assert(std::endian::native == std::endian::little,
              "buffers go to files as they are, and files are little-endian");

template <class Word>
Word load_word(const std::byte* from) {
    Word word;
    std::memcpy(&word, from, sizeof(Word));
    return word;
}

template <class Word>
void store_word(std::byte* to, Word word) {
    std::memcpy(to, &word, sizeof(Word));
}

// Calls work(Word{}) with the unsigned type of that width, so that a loop is compiled per width.
template <class Work>
decltype(auto) with_word_type(std::size_t word_bytes, Work&& work) {
    if (word_bytes == 1) return work(std::uint8_t{});
    if (word_bytes == 2) return work(std::uint16_t{});
    require(word_bytes == 4, "ArrayTable admits words of 1, 2 and 4 bytes only");
    return work(std::uint32_t{});
}

}  // namespace dws
