#include "sync/codec/compact.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "base/require.h"
#include "sync/codec/compact_cut.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/compact_tile_decoder.h"
#include "sync/parallel.h"

namespace dws {

namespace {

// Tiles that a thread takes at once: 0.5 MiB of bf16, 0.1 ms, which is how long the fastest waits
// for the slowest at the end.
constexpr std::size_t kPieceTiles = 4;
// Pieces per thread between two visits to the sink: what bounds the memory above file_bytes.
constexpr std::size_t kWavePieces = 64;
// Tiles from which the thresholds are chosen: 20,000 changes at 1 %.
constexpr std::size_t kSampledTiles = 32;

std::span<const std::byte> words_of(const Tile& tile, std::span<const std::byte> buffer) {
    return buffer.subspan(tile.offset_bytes, tile.words * tile.word_bytes);
}

DType dtype_of(const ArrayTable& table, const Tile& tile) {
    return table.layout().specs()[tile.array].dtype;
}

using Histograms = std::map<DType, KeyHistogram>;

ClassTable choose_each(const Histograms& histograms) {
    ClassTable classes;
    for (const auto& [dtype, histogram] : histograms) {
        const ExponentClasses chosen = choose_classes(histogram);
        if (chosen.count > 0) classes[dtype] = chosen;
    }
    return classes;
}

void count_tile(const ArrayTable& table, const Tile& tile, std::span<const std::byte> before,
                std::span<const std::byte> after, Histograms& histograms) {
    const DType dtype = dtype_of(table, tile);
    if (!has_exponent(dtype)) return;
    count_keys(before.data(), after.data(), tile.words, tile.word_bytes, histograms[dtype]);
}

// The tile's words with the changes' `before` (or after) in place.
Bytes tile_with(const Tile& tile, std::span<const std::byte> words,
                std::span<const std::uint16_t> positions, std::span<const std::uint32_t> values) {
    const std::span<const std::byte> live = words_of(tile, words);
    Bytes copy(live.begin(), live.end());
    for (std::size_t change = 0; change < values.size(); ++change) {
        std::memcpy(copy.data() + positions[change] * tile.word_bytes, &values[change],
                    tile.word_bytes);
    }
    return copy;
}

ClassTable classes_of_changes(const ArrayTable& table, const Changes& changes,
                              std::span<const std::byte> words) {
    Histograms histograms;
    const std::size_t stride = std::max<std::size_t>(1, changes.size() / kSampledTiles);
    std::size_t turn = 0;
    for (const auto& [index, tile_changes] : changes) {
        if (turn++ % stride != 0) continue;
        const Tile tile = table.tile(index);
        count_tile(table, tile, tile_with(tile, words, tile_changes.positions, tile_changes.before),
                   tile_with(tile, words, tile_changes.positions, tile_changes.after), histograms);
    }
    return choose_each(histograms);
}

// encode_tile(encoder, tile index, tile, classes, out) -> changed words.
template <class EncodeTile>
bool encode_tiles(const ArrayTable& table, const ClassTable& classes,
                  const CompactVersions& versions, const CompactOptions& options,
                  const FileSink& sink, EncodeTile encode_tile) {
    require(options.threads >= 1, "somebody has to encode");
    std::deque<TileEncoder> encoders;
    for (std::size_t thread = 0; thread < options.threads; ++thread) {
        encoders.emplace_back(options.mode);
    }
    CompactCutter cutter(table, versions, classes, options.file_bytes, sink);
    // A file is cut between pieces: none is longer than a file.
    const bool is_long = options.file_bytes >= longest_tile_bytes(kTileWords, 4) * kPieceTiles;
    const std::size_t piece_tiles = is_long ? kPieceTiles : 1;
    const std::size_t pieces = (table.tiles() + piece_tiles - 1) / piece_tiles;
    std::vector<CompactBody> wave(kWavePieces * options.threads);
    for (std::size_t start = 0; start < pieces; start += wave.size()) {
        const std::size_t count = std::min(wave.size(), pieces - start);
        for_each_piece(options.threads, count, [&](std::size_t thread, std::size_t index) {
            CompactBody& piece = wave[index];
            piece = CompactBody{.first_tile = (start + index) * piece_tiles};
            const std::size_t end = std::min(piece.first_tile + piece_tiles, table.tiles());
            for (std::size_t tile_index = piece.first_tile; tile_index < end; ++tile_index) {
                const std::size_t begin = piece.tiles.size();
                const Tile tile = table.tile(tile_index);
                const auto found = classes.find(dtype_of(table, tile));
                piece.changed_words += encode_tile(
                    encoders[thread], tile_index, tile,
                    found == classes.end() ? ExponentClasses{} : found->second, piece.tiles);
                piece.lengths.push_back(static_cast<std::uint32_t>(piece.tiles.size() - begin));
            }
        });
        for (std::size_t index = 0; index < count; ++index) {
            if (!cutter.add(std::move(wave[index]))) return false;
        }
    }
    return cutter.finish();
}

// One thread's part of patch_compact(). Reads a tile before it writes the one before, whose words
// come from memory meanwhile.
class TilePatcher {
public:
    TilePatcher(const ArrayTable& table, const CompactView& view, std::span<std::byte> words,
                bool with_digest)
        : table_(table), view_(view), words_(words), with_digest_(with_digest) {}

    // offset: of the tile in the file.
    void add(std::size_t offset) {
        const std::span<const std::byte> bytes = view_.tile(offset);
        if (bytes.empty() || failure_) return;
        const std::size_t index = view_.first_tile + offset;
        const Tile tile = table_.tile(index);
        TileDecoder& decoder = decoders_[turn_];
        const Result<Done> sound = decoder.read(bytes, words_of(tile, words_), tile.word_bytes,
                                                view_.classes_of(dtype_of(table_, tile)));
        if (!sound) {
            failure_ = sound.error();
            return;
        }
        finish();
        waiting_ = index;
        turn_ = 1 - turn_;
    }
    // Writes the tile that was read last.
    void finish() {
        if (!waiting_ || failure_) return;
        const Tile tile = table_.tile(*waiting_);
        const auto to = words_.subspan(tile.offset_bytes, tile.words * tile.word_bytes);
        TileDecoder& decoder = decoders_[1 - turn_];
        if (with_digest_) {
            decoder.write(to, tile.word_bytes, changes_);
            digest_ += digest_change(table_, *waiting_, changes_);
        } else {
            decoder.write(to, tile.word_bytes);
        }
        waiting_.reset();
    }

    const std::optional<Error>& failure() const { return failure_; }
    const Digest& digest() const { return digest_; }

private:
    const ArrayTable& table_;
    const CompactView& view_;
    const std::span<std::byte> words_;
    const bool with_digest_;
    std::array<TileDecoder, 2> decoders_;
    std::size_t turn_ = 0;                // the decoder that reads next
    std::optional<std::size_t> waiting_;  // tile of the table that the other decoder has read
    std::optional<Error> failure_;
    TileChanges changes_;
    Digest digest_;
};

}  // namespace

ClassTable choose_classes(const ArrayTable& table, std::span<const std::byte> base,
                          std::span<const std::byte> next, std::size_t threads) {
    const std::size_t stride = std::max<std::size_t>(1, table.tiles() / kSampledTiles);
    const std::size_t first = stride / 2;
    std::vector<Histograms> parts(threads);
    for_each_piece(threads, (table.tiles() + stride - 1 - first) / stride,
                   [&](std::size_t thread, std::size_t sample) {
                       const Tile tile = table.tile(first + sample * stride);
                       count_tile(table, tile, words_of(tile, base), words_of(tile, next),
                                  parts[thread]);
                   });
    Histograms sums;
    for (const Histograms& part : parts) {
        for (const auto& [dtype, histogram] : part) sums[dtype] += histogram;
    }
    return choose_each(sums);
}

bool encode_compact(const ArrayTable& table, std::span<const std::byte> base,
                    std::span<const std::byte> next, std::int64_t version,
                    std::int64_t base_version, const CompactOptions& options,
                    const FileSink& sink) {
    require(base.size() >= table.layout().size_bytes(), "base is the table's flat buffer");
    require(next.size() >= table.layout().size_bytes(), "next is the table's flat buffer");
    const ClassTable classes = options.mode == CompactMode::flat
                                   ? ClassTable{}
                                   : choose_classes(table, base, next, options.threads);
    return encode_tiles(table, classes, {version, base_version}, options, sink,
                        [&](TileEncoder& encoder, std::size_t, const Tile& tile,
                            const ExponentClasses& tile_classes, Bytes& out) {
                            return encoder.encode(words_of(tile, base), words_of(tile, next),
                                                  tile.word_bytes, tile_classes, out);
                        });
}

bool encode_compact(const ArrayTable& table, const Changes& changes,
                    std::span<const std::byte> words, std::int64_t version,
                    std::int64_t base_version, const CompactOptions& options,
                    const FileSink& sink) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    const ClassTable classes = options.mode == CompactMode::flat
                                   ? ClassTable{}
                                   : classes_of_changes(table, changes, words);
    return encode_tiles(table, classes, {version, base_version}, options, sink,
                        [&](TileEncoder& encoder, std::size_t index, const Tile& tile,
                            const ExponentClasses& tile_classes, Bytes& out) -> std::size_t {
                            const auto found = changes.find(index);
                            if (found == changes.end()) return 0;
                            return encoder.encode(found->second, words_of(tile, words),
                                                  tile.word_bytes, tile_classes, out);
                        });
}

Result<Done> decode_compact(const ArrayTable& table, std::span<const std::byte> file,
                            std::int64_t version, std::int64_t base_version,
                            std::span<const std::byte> words, Changes& changes,
                            std::size_t threads) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    const Result<CompactView> view = read_compact_file(table, {version, base_version}, file);
    if (!view) return view.error();
    std::deque<TileDecoder> decoders(threads);
    std::vector<std::optional<Error>> failures(threads);
    std::vector<TileChanges> decoded(view->size());
    const std::size_t pieces = (view->size() + kPieceTiles - 1) / kPieceTiles;
    for_each_piece(threads, pieces, [&](std::size_t thread, std::size_t piece) {
        const std::size_t end = std::min((piece + 1) * kPieceTiles, view->size());
        for (std::size_t offset = piece * kPieceTiles; offset < end; ++offset) {
            if (view->tile(offset).empty() || failures[thread]) continue;
            const Tile tile = table.tile(view->first_tile + offset);
            const Result<Done> sound =
                decoders[thread].decode(view->tile(offset), words_of(tile, words), tile.word_bytes,
                                        view->classes_of(dtype_of(table, tile)), decoded[offset]);
            if (!sound) failures[thread] = sound.error();
        }
    });
    for (const std::optional<Error>& failure : failures) {
        if (failure) return *failure;
    }
    std::uint64_t changed_words = 0;
    for (std::size_t offset = 0; offset < decoded.size(); ++offset) {
        if (decoded[offset].size() == 0) continue;
        changed_words += decoded[offset].size();
        const std::size_t index = view->first_tile + offset;
        if (!changes.try_emplace(index, std::move(decoded[offset])).second) {
            return Error{Fault::corrupt, fmt::format("tile {} comes twice", index)};
        }
    }
    if (changed_words != view->changed_words) {
        return Error{Fault::corrupt, fmt::format("{} changed words where the file says {}",
                                                 changed_words, view->changed_words)};
    }
    return Done{};
}

Result<Done> patch_compact(const ArrayTable& table, std::span<const std::byte> file,
                           std::int64_t version, std::int64_t base_version,
                           std::span<std::byte> words, std::size_t threads, Digest* digest) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    const Result<CompactView> view = read_compact_file(table, {version, base_version}, file);
    if (!view) return view.error();
    std::deque<TilePatcher> patchers;
    for (std::size_t thread = 0; thread < threads; ++thread) {
        patchers.emplace_back(table, *view, words, digest != nullptr);
    }
    const std::size_t pieces = (view->size() + kPieceTiles - 1) / kPieceTiles;
    for_each_piece(threads, pieces, [&](std::size_t thread, std::size_t piece) {
        const std::size_t end = std::min((piece + 1) * kPieceTiles, view->size());
        for (std::size_t tile = piece * kPieceTiles; tile < end; ++tile) patchers[thread].add(tile);
    });
    for (TilePatcher& patcher : patchers) {
        patcher.finish();
        if (patcher.failure()) return *patcher.failure();
        if (digest != nullptr) *digest += patcher.digest();
    }
    return Done{};
}

}  // namespace dws
