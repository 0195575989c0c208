// A version of a huge model, some tiles at a time, through everything that sender and receiver do:
// detect and encode, write a file, hash it, put it; hash it again, decode, write the words. What is
// in memory at any time is one batch, whatever the model's size.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "experiments/trillion/tile_source.h"
#include "sync/bucket/bucket.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/compact_tile_decoder.h"
#include "sync/codec/compact_tile_encoder.h"

namespace dws {

// Seconds that passed, summed over batches.
struct StageSeconds {
    double copy = 0;    // a plain copy of the weights: what the others are compared with
    double encode = 0;  // detecting included
    double file = 0;    // bringing the tiles together
    double hash = 0;    // SHA-256, once
    double put = 0;
    double check = 0;  // the receiver's SHA-256 and the file's outside
    double patch = 0;  // decode and write

    double sender() const { return encode + file + hash + put; }
    double receiver() const { return check + patch; }
};

struct StreamOptions {
    std::size_t threads = 2;
    std::size_t batch_tiles = 1024;  // 128 MiB of bf16, three times in memory
};

class Stream {
public:
    // Not owned, outlive this.
    Stream(const ArrayTable& table, const TileSource& source, Bucket& bucket,
           StreamOptions options);

    // Tiles first..first+tiles-1. Throws std::runtime_error when words come back other than they
    // were sent.
    void run(std::size_t first, std::size_t tiles);

    const StageSeconds& seconds() const { return seconds_; }
    std::uint64_t words() const { return words_; }
    std::uint64_t word_bytes() const { return word_bytes_; }
    std::uint64_t changed_words() const { return changed_words_; }
    std::uint64_t file_bytes() const { return file_bytes_; }

private:
    struct Place {  // a tile in the batch's buffers
        std::size_t offset;
        std::size_t bytes;
        std::size_t word_bytes;
        ExponentClasses classes;
    };

    void run_batch(std::size_t first, std::size_t tiles);
    void draw(std::size_t first, std::size_t tiles);
    void encode(std::size_t first);
    void patch(const CompactView& view);
    void compare() const;
    ExponentClasses classes_of(const Tile& tile) const;

    const ArrayTable& table_;
    const TileSource& source_;
    Bucket& bucket_;
    const StreamOptions options_;
    std::deque<TileEncoder> encoders_;  // by thread
    std::deque<TileDecoder> decoders_;  // by thread
    std::vector<Place> places_;         // (tiles of the batch,)
    std::vector<CompactBody> pieces_;   // of the batch, encoded
    Bytes base_, next_, received_;
    StageSeconds seconds_;
    std::uint64_t words_ = 0;
    std::uint64_t word_bytes_ = 0;
    std::uint64_t changed_words_ = 0;
    std::uint64_t file_bytes_ = 0;
};

}  // namespace dws
