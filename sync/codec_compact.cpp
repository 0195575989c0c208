#include "sync/codec_compact.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "base/require.h"
#include "sync/codec_compact_file.h"
#include "sync/codec_compact_tile_decoder.h"
#include "sync/parallel.h"

namespace dws {

namespace {

// Tiles that a thread takes at once: 2 MiB of bf16, 0.2 ms.
constexpr std::size_t kPieceTiles = 16;
// Pieces per thread between two visits to the sink: what bounds the memory above file_bytes.
constexpr std::size_t kWavePieces = 16;
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

// Collects encoded tiles, in order, into files.
class FileCutter {
public:
    FileCutter(const ArrayTable& table, const CompactVersions& versions, const ClassTable& classes,
               std::size_t file_bytes, const FileSink& sink)
        : table_(table),
          versions_(versions),
          classes_(classes),
          file_bytes_(file_bytes),
          sink_(sink) {}

    // False when the sink has stopped.
    bool add(std::span<const std::byte> tile, std::uint64_t changed_words) {
        body_.lengths.push_back(static_cast<std::uint32_t>(tile.size()));
        body_.tiles.insert(body_.tiles.end(), tile.begin(), tile.end());
        body_.changed_words += changed_words;
        return body_.tiles.size() < file_bytes_ || flush();
    }
    bool finish() { return (has_written_ && body_.lengths.empty()) || flush(); }

private:
    bool flush() {
        const std::size_t next_tile = body_.first_tile + body_.lengths.size();
        const bool goes_on = sink_(write_compact_file(table_, versions_, classes_, body_));
        body_ = CompactBody{.first_tile = next_tile, .lengths = {}, .tiles = {}};
        has_written_ = true;
        return goes_on;
    }

    const ArrayTable& table_;
    const CompactVersions versions_;
    const ClassTable& classes_;
    const std::size_t file_bytes_;
    const FileSink& sink_;
    CompactBody body_;
    bool has_written_ = false;
};

// encode_tile(encoder, tile index, tile, classes, out) -> changed words.
template <class EncodeTile>
bool encode_tiles(const ArrayTable& table, const ClassTable& classes,
                  const CompactVersions& versions, const CompactOptions& options,
                  const FileSink& sink, EncodeTile encode_tile) {
    require(options.threads >= 1, "somebody has to encode");
    struct Piece {
        Bytes tiles;
        std::vector<std::size_t> ends;
        std::vector<std::size_t> changes;
    };
    std::deque<TileEncoder> encoders;
    for (std::size_t thread = 0; thread < options.threads; ++thread) {
        encoders.emplace_back(options.mode);
    }
    FileCutter cutter(table, versions, classes, options.file_bytes, sink);
    const std::size_t pieces = (table.tiles() + kPieceTiles - 1) / kPieceTiles;
    std::vector<Piece> wave(kWavePieces * options.threads);
    for (std::size_t start = 0; start < pieces; start += wave.size()) {
        const std::size_t count = std::min(wave.size(), pieces - start);
        for_each_piece(options.threads, count, [&](std::size_t thread, std::size_t index) {
            Piece& piece = wave[index];
            piece.tiles.clear();
            piece.ends.clear();
            piece.changes.clear();
            const std::size_t first = (start + index) * kPieceTiles;
            const std::size_t end = std::min(first + kPieceTiles, table.tiles());
            for (std::size_t tile_index = first; tile_index < end; ++tile_index) {
                const Tile tile = table.tile(tile_index);
                const auto found = classes.find(dtype_of(table, tile));
                piece.changes.push_back(encode_tile(
                    encoders[thread], tile_index, tile,
                    found == classes.end() ? ExponentClasses{} : found->second, piece.tiles));
                piece.ends.push_back(piece.tiles.size());
            }
        });
        for (std::size_t index = 0; index < count; ++index) {
            const Piece& piece = wave[index];
            std::size_t begin = 0;
            for (std::size_t tile = 0; tile < piece.ends.size(); ++tile) {
                const auto bytes = std::span(piece.tiles).subspan(begin, piece.ends[tile] - begin);
                if (!cutter.add(bytes, piece.changes[tile])) return false;
                begin = piece.ends[tile];
            }
        }
    }
    return cutter.finish();
}

}  // namespace

ClassTable choose_classes(const ArrayTable& table, std::span<const std::byte> base,
                          std::span<const std::byte> next) {
    Histograms histograms;
    const std::size_t stride = std::max<std::size_t>(1, table.tiles() / kSampledTiles);
    for (std::size_t index = stride / 2; index < table.tiles(); index += stride) {
        const Tile tile = table.tile(index);
        count_tile(table, tile, words_of(tile, base), words_of(tile, next), histograms);
    }
    return choose_each(histograms);
}

bool encode_compact(const ArrayTable& table, std::span<const std::byte> base,
                    std::span<const std::byte> next, std::int64_t version,
                    std::int64_t base_version, const CompactOptions& options,
                    const FileSink& sink) {
    require(base.size() >= table.layout().size_bytes(), "base is the table's flat buffer");
    require(next.size() >= table.layout().size_bytes(), "next is the table's flat buffer");
    const ClassTable classes =
        options.mode == CompactMode::flat ? ClassTable{} : choose_classes(table, base, next);
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
                            std::span<const std::byte> words, Changes& changes) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    const Result<CompactView> view = read_compact_file(table, {version, base_version}, file);
    if (!view) return view.error();
    TileDecoder decoder;
    std::uint64_t changed_words = 0;
    for (std::size_t offset = 0; offset < view->size(); ++offset) {
        if (view->tile(offset).empty()) continue;
        const std::size_t index = view->first_tile + offset;
        const Tile tile = table.tile(index);
        TileChanges decoded;
        const Result<Done> sound =
            decoder.decode(view->tile(offset), words_of(tile, words), tile.word_bytes,
                           view->classes_of(dtype_of(table, tile)), decoded);
        if (!sound) return sound.error();
        if (decoded.size() == 0) continue;
        changed_words += decoded.size();
        if (!changes.try_emplace(index, std::move(decoded)).second) {
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
                           std::span<std::byte> words, std::size_t threads) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    const Result<CompactView> view = read_compact_file(table, {version, base_version}, file);
    if (!view) return view.error();
    std::deque<TileDecoder> decoders;
    for (std::size_t thread = 0; thread < threads; ++thread) decoders.emplace_back();
    std::vector<std::optional<Error>> failures(threads);
    const std::size_t pieces = (view->size() + kPieceTiles - 1) / kPieceTiles;
    for_each_piece(threads, pieces, [&](std::size_t thread, std::size_t piece) {
        const std::size_t end = std::min((piece + 1) * kPieceTiles, view->size());
        for (std::size_t offset = piece * kPieceTiles; offset < end; ++offset) {
            if (view->tile(offset).empty()) continue;
            const Tile tile = table.tile(view->first_tile + offset);
            const Result<Done> sound = decoders[thread].patch(
                view->tile(offset), words.subspan(tile.offset_bytes, tile.words * tile.word_bytes),
                tile.word_bytes, view->classes_of(dtype_of(table, tile)));
            if (!sound) failures[thread] = sound.error();
        }
    });
    for (const std::optional<Error>& failure : failures) {
        if (failure) return *failure;
    }
    return Done{};
}

}  // namespace dws
