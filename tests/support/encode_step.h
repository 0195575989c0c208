// A step's tiles, encoded as an optimizer would have it done: run by run, several threads at once.
#pragma once

#include <vector>

#include "sync/changes.h"
#include "sync/codec/step_encoder.h"
#include "sync/parallel.h"

namespace dws {

// before, after: the table's flat buffers.
inline EncodedStep encode_step(const ArrayTable& table, std::span<const std::byte> before,
                               std::span<const std::byte> after, StepEncoder& encoder,
                               std::size_t threads) {
    const Changes changes = diff(table, before, after);
    encoder.begin();
    for_each_piece(threads, encoder.runs(), [&](std::size_t thread, std::size_t run) {
        for (std::size_t index = encoder.first_tile(run); index < encoder.end_tile(run); ++index) {
            const Tile tile = table.tile(index);
            const std::size_t size = tile.words * tile.word_bytes;
            const auto found = changes.find(index);
            encoder.add(
                thread, index,
                found == changes.end() ? std::vector<std::uint16_t>{} : found->second.positions,
                before.subspan(tile.offset_bytes, size), after.subspan(tile.offset_bytes, size));
        }
    });
    return encoder.finish();
}

}  // namespace dws
