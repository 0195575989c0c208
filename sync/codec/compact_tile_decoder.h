// Bytes of one tile (FORMAT_COMPACT.md, "A tile") back into changes. The bytes are foreign: every
// count and length in them is checked before it is used, and nothing is written to the words before
// all of the tile has been read. A tile that decodes may still be the wrong one: the digest tells.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "sync/changes.h"
#include "sync/codec/compact_format.h"
#include "sync/codec/compact_kernels.h"

namespace dws {

struct TileReader;

// Its 2.5 MB of working memory are made once per thread.
class TileDecoder {
public:
    // kernels are not owned and outlive this.
    explicit TileDecoder(const CompactKernels& kernels = compact_kernels());
    ~TileDecoder();

    // words: (words * word_bytes,) the base's words of the tile. Fills positions, before and after;
    // an empty tile has no changes. Fault::corrupt: not a tile, or not one of so many words, or a
    // listed word that does not change.
    Result<Done> decode(std::span<const std::byte> tile, std::span<const std::byte> words,
                        std::size_t word_bytes, const ExponentClasses& classes,
                        TileChanges& changes);

    // Turns the base's words into the next version's, in place. After a fault they are unchanged.
    Result<Done> patch(std::span<const std::byte> tile, std::span<std::byte> words,
                       std::size_t word_bytes, const ExponentClasses& classes);

    // The halves of patch(). Between them another decoder may read the next tile, while the words
    // that this one will write come from memory. After read() has returned a fault, write() may not
    // be called. tile: not owned, outlives write(). words: the same in both.
    Result<Done> read(std::span<const std::byte> tile, std::span<const std::byte> words,
                      std::size_t word_bytes, const ExponentClasses& classes);
    void write(std::span<std::byte> words, std::size_t word_bytes);
    // changes: what was written, in no order, for digest_change(). A tile that lists a word twice
    // passes here: it is the digest's to tell.
    void write(std::span<std::byte> words, std::size_t word_bytes, TileChanges& changes);

private:
    const CompactKernels& kernels_;
    const std::unique_ptr<TileReader> reader_;
    std::span<const std::byte> raw_;  // the words of the raw tile that was read
};

}  // namespace dws
