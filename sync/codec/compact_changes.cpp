#include "sync/codec/compact_changes.h"

#include <cstdint>
#include <utility>

#include "sync/codec/compact_cut.h"
#include "sync/codec/compact_tile_encoder.h"

namespace dws {

bool encode_compact_changes(const ArrayTable& table, const Changes& changes,
                            const CompactVersions& versions, std::size_t file_bytes,
                            const FileSink& sink) {
    const ClassTable no_classes;
    CompactCutter cutter(table, versions, no_classes, file_bytes, sink);
    TileEncoder encoder(CompactMode::flat);
    CompactBody run;
    auto next = changes.begin();
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const std::size_t start = run.tiles.size();
        if (next != changes.end() && next->first == index) {
            const Tile tile = table.tile(index);
            run.changed_words +=
                encoder.encode_flat(next->second, tile.words, tile.word_bytes, run.tiles);
            ++next;
        }
        run.lengths.push_back(static_cast<std::uint32_t>(run.tiles.size() - start));
        if (run.tiles.size() < file_bytes) continue;
        if (!cutter.add(std::exchange(run, CompactBody{.first_tile = index + 1}))) return false;
    }
    if (!run.lengths.empty() && !cutter.add(std::move(run))) return false;
    return cutter.finish();
}

}  // namespace dws
