#include "sync/codec/compact_changes.h"

#include <cstdint>

#include "sync/codec/compact_cut.h"
#include "sync/codec/compact_tile_encoder.h"

namespace dws {

bool encode_compact_changes(const ArrayTable& table, const Changes& changes,
                            const CompactVersions& versions, std::size_t file_bytes,
                            const FileSink& sink) {
    const ClassTable no_classes;
    CompactCutter cutter(table, versions, no_classes, file_bytes, sink);
    TileEncoder encoder(CompactMode::flat);
    Bytes bytes;
    auto next = changes.begin();
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        bytes.clear();
        std::size_t changed_words = 0;
        if (next != changes.end() && next->first == index) {
            const Tile tile = table.tile(index);
            changed_words = encoder.encode_flat(next->second, tile.words, tile.word_bytes, bytes);
            ++next;
        }
        const auto length = static_cast<std::uint32_t>(bytes.size());
        if (!cutter.add(std::span(&length, 1), bytes, changed_words)) return false;
    }
    return cutter.finish();
}

}  // namespace dws
