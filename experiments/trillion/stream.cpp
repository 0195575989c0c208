#include "experiments/trillion/stream.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "base/clock.h"
#include "sync/parallel.h"
#include "sync/sha256.h"

namespace dws {

namespace {

constexpr CompactVersions kVersions{.version = 1, .base_version = 0};
constexpr std::size_t kPieceTiles = 16;  // that a thread takes at once: 2 MiB of bf16
constexpr std::size_t kAlignment_bytes = 64;

// Adds to `seconds` what the work takes.
void timed(double& seconds, const auto& work) {
    const Stopwatch stopwatch;
    work();
    seconds += stopwatch.seconds();
}

template <class T>
T value_of(Result<T> result, const std::string& what) {
    if (result) return std::move(*result);
    throw std::runtime_error(what + ": " + final_line(result.error()));
}

std::size_t pieces_of(std::size_t tiles) { return (tiles + kPieceTiles - 1) / kPieceTiles; }

// work(thread, tile of the batch)
void for_each_tile(std::size_t threads, std::size_t tiles, const auto& work) {
    for_each_piece(threads, pieces_of(tiles), [&](std::size_t thread, std::size_t piece) {
        const std::size_t end = std::min(tiles, (piece + 1) * kPieceTiles);
        for (std::size_t tile = piece * kPieceTiles; tile < end; ++tile) work(thread, tile);
    });
}

}  // namespace

Stream::Stream(const ArrayTable& table, const TileSource& source, Bucket& bucket,
               StreamOptions options)
    : table_(table), source_(source), bucket_(bucket), options_(options) {
    for (std::size_t thread = 0; thread < options.threads; ++thread) {
        encoders_.emplace_back(CompactMode::classes);
        decoders_.emplace_back();
    }
    for (Bytes* buffer : {&base_, &next_, &received_}) {
        buffer->resize(options.batch_tiles * kTileWords * 2);
    }
}

void Stream::run(std::size_t first, std::size_t tiles) {
    for (std::size_t done = 0; done < tiles; done += options_.batch_tiles) {
        run_batch(first + done, std::min(options_.batch_tiles, tiles - done));
    }
}

void Stream::run_batch(std::size_t first, std::size_t tiles) {
    draw(first, tiles);
    timed(seconds_.copy, [&] {
        for_each_tile(options_.threads, tiles, [&](std::size_t, std::size_t tile) {
            const Place& place = places_[tile];
            std::memcpy(received_.data() + place.offset, base_.data() + place.offset, place.bytes);
        });
    });
    timed(seconds_.encode, [&] { encode(first); });
    Bytes file;
    timed(seconds_.file,
          [&] { file = write_compact_file(table_, kVersions, source_.classes(), pieces_); });
    std::string hash;
    timed(seconds_.hash, [&] { hash = sha256_hex(file); });
    timed(seconds_.put, [&] { value_of(bucket_.put("trillion/objects/" + hash, file), "put"); });
    file_bytes_ += file.size();
    timed(seconds_.check, [&] {
        if (sha256_hex(file) != hash) throw std::runtime_error("the file has another hash");
    });
    timed(seconds_.patch,
          [&] { patch(value_of(read_compact_file(table_, kVersions, file), "the file")); });
    compare();
}

ExponentClasses Stream::classes_of(const Tile& tile) const {
    const auto found = source_.classes().find(table_.layout().specs()[tile.array].dtype);
    return found == source_.classes().end() ? ExponentClasses{} : found->second;
}

// Places the batch's tiles one after another and fills them.
void Stream::draw(std::size_t first, std::size_t tiles) {
    places_.clear();
    std::size_t offset = 0;
    for (std::size_t index = first; index < first + tiles; ++index) {
        const Tile tile = table_.tile(index);
        const std::size_t bytes = tile.words * tile.word_bytes;
        places_.push_back({offset, bytes, tile.word_bytes, classes_of(tile)});
        offset += (bytes + kAlignment_bytes - 1) / kAlignment_bytes * kAlignment_bytes;
        words_ += tile.words;
        word_bytes_ += bytes;
    }
    for (Bytes* buffer : {&base_, &next_, &received_}) {
        if (buffer->size() < offset) buffer->resize(offset);  // words of 32 bits
    }
    for_each_tile(options_.threads, tiles, [&](std::size_t, std::size_t tile) {
        const Place& place = places_[tile];
        source_.draw(first + tile, std::span(base_).subspan(place.offset, place.bytes),
                     std::span(next_).subspan(place.offset, place.bytes));
    });
}

void Stream::encode(std::size_t first) {
    pieces_.resize(pieces_of(places_.size()));
    for (std::size_t piece = 0; piece < pieces_.size(); ++piece) {
        pieces_[piece].first_tile = first + piece * kPieceTiles;
        pieces_[piece].tiles.clear();
        pieces_[piece].lengths.clear();
        pieces_[piece].changed_words = 0;
    }
    for_each_tile(options_.threads, places_.size(), [&](std::size_t thread, std::size_t tile) {
        const Place& place = places_[tile];
        CompactBody& piece = pieces_[tile / kPieceTiles];
        const std::size_t before = piece.tiles.size();
        piece.changed_words +=
            encoders_[thread].encode(std::span(base_).subspan(place.offset, place.bytes),
                                     std::span(next_).subspan(place.offset, place.bytes),
                                     place.word_bytes, place.classes, piece.tiles);
        piece.lengths.push_back(static_cast<std::uint32_t>(piece.tiles.size() - before));
    });
    for (const CompactBody& piece : pieces_) changed_words_ += piece.changed_words;
}

void Stream::patch(const CompactView& view) {
    for_each_tile(options_.threads, view.size(), [&](std::size_t thread, std::size_t tile) {
        const Place& place = places_[tile];
        // A tile that is sent has changes: where this fails, compare() sees the base's words.
        static_cast<void>(decoders_[thread].patch(
            view.tile(tile), std::span(received_).subspan(place.offset, place.bytes),
            place.word_bytes, place.classes));
    });
}

void Stream::compare() const {
    std::atomic<std::size_t> differing = 0;
    for_each_tile(options_.threads, places_.size(), [&](std::size_t, std::size_t tile) {
        const Place& place = places_[tile];
        differing += std::memcmp(received_.data() + place.offset, next_.data() + place.offset,
                                 place.bytes) != 0;
    });
    if (differing > 0) {
        throw std::runtime_error(std::to_string(differing) + " tiles came back otherwise");
    }
}

}  // namespace dws
