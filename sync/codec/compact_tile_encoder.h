// One tile's changes as bytes (FORMAT_COMPACT.md, "A tile"): the smallest of the codes that the
// mode allows. The optimizer's fused pass calls it while a tile is in cache, encode_compact() for
// whole versions. Its 1.5 MB of working memory are made once per thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "sync/changes.h"
#include "sync/codec/compact_format.h"
#include "sync/codec/compact_kernels.h"
#include "sync/codec/encoding.h"

namespace dws {

enum class CompactMode {
    smallest,  // tries flat and classes on every tile: twice the arithmetic
    classes,   // least bytes: for slow links, many receivers, or receivers with a GPU
    flat,      // least work for a receiver's CPU
};
// Of a compact encoding.
CompactMode compact_mode(Encoding encoding);

class TileEncoder {
public:
    // kernels are not owned and outlive this.
    explicit TileEncoder(CompactMode mode, const CompactKernels& kernels = compact_kernels());
    ~TileEncoder();

    // before, after: (words * word_bytes,) the tile's words, at most kTileWords. Appends the tile
    // to `out`, nothing when no word differs, and returns how many do. classes: those of the
    // array's dtype; with none the tile is flat.
    std::size_t encode(std::span<const std::byte> before, std::span<const std::byte> after,
                       std::size_t word_bytes, const ExponentClasses& classes, Bytes& out);

    // The same from a list of changes. words: the tile's, of the base or of the next version: what
    // stands at a changed position is not used, unless changes.before is empty; then they must be
    // the base's.
    std::size_t encode(const TileChanges& changes, std::span<const std::byte> words,
                       std::size_t word_bytes, const ExponentClasses& classes, Bytes& out);

    // The same for a caller that has found the positions itself, ascending, for instance with
    // compact_kernels().find_changes() while the words were in cache.
    std::size_t encode_found(std::span<const std::uint16_t> positions,
                             std::span<const std::byte> before, std::span<const std::byte> after,
                             std::size_t word_bytes, const ExponentClasses& classes, Bytes& out);

    // From a list of changes alone, `before` included: for merged changes whose other words are no
    // longer at hand. Always a flat tile, unless all words are listed and a raw one is shorter.
    std::size_t encode_flat(const TileChanges& changes, std::size_t tile_words,
                            std::size_t word_bytes, Bytes& out);

private:
    struct Scratch;

    bool may_use_classes(std::size_t changes, const ExponentClasses& classes) const;
    std::size_t find(std::span<const std::byte> before, std::span<const std::byte> after,
                     std::size_t word_bytes, const ExponentClasses& classes);
    // was_searched: by find(), in a pass over two buffers: all whole blocks of scratch_->map are
    // classified, and behind the tile's words stand those of the next.
    std::size_t write_smallest(std::span<const std::uint16_t> positions,
                               std::span<const std::byte> before, std::span<const std::byte> after,
                               std::size_t word_bytes, const ExponentClasses& classes,
                               bool was_searched, Bytes& out);

    const CompactMode mode_;
    const CompactKernels& kernels_;
    const std::unique_ptr<Scratch> scratch_;
};

}  // namespace dws
