// The changes of a run of 16-bit words as two streams, positions and values: what most systems send
// before they compress it. Buffers only grow: the next run of the same size reuses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace dws {

struct SparseForm {
    bool has_gaps;  // unchanged words between two changes; otherwise positions in the run, i32
    bool has_xors;  // values are old word XOR new word; otherwise new words
};

struct SparseStreams {
    Bytes positions;  // (changes,) of position_bytes each; longer than used
    Bytes values;     // (changes,) of 2 bytes each; longer than used
    std::size_t changes = 0;
    std::size_t position_bytes = 4;  // 2 for gaps when all of the run's fit
};

// At least that long afterwards.
std::byte* room_for(Bytes& buffer, std::size_t bytes);

// base, next: whole blocks of 64 words, at most 2^31 words. found: working memory.
void collect_changes(const SparseForm& form, std::span<const std::byte> base,
                     std::span<const std::byte> next, std::vector<std::uint16_t>& found,
                     SparseStreams& streams);

// Turns base into next. positions, values: (changes,) that collect_changes() made; trusted.
void scatter_changes(const SparseForm& form, const std::byte* positions, const std::byte* values,
                     std::size_t changes, std::size_t position_bytes, std::byte* words);

}  // namespace dws
