#include "sync/codec/compact_cut.h"

#include <algorithm>
#include <utility>

#include "base/require.h"

namespace dws {

bool CompactCutter::add(std::span<const std::uint32_t> lengths, std::span<const std::byte> tiles,
                        std::uint64_t changed_words) {
    body_.lengths.insert(body_.lengths.end(), lengths.begin(), lengths.end());
    make_room(tiles.size());
    body_.tiles.insert(body_.tiles.end(), tiles.begin(), tiles.end());
    body_.changed_words += changed_words;
    return body_.tiles.size() < file_bytes_ || flush();
}

bool CompactCutter::finish() {
    require(body_.first_tile + body_.lengths.size() == table_.tiles(),
            "a delta's files hold every tile of the table");
    return (has_written_ && body_.lengths.empty()) || flush();
}

// What the tiles so far let expect of the file, at once: growing by doubling touches fresh memory
// three times over, which takes as long as the copies.
void CompactCutter::make_room(std::size_t bytes) {
    const std::size_t needed = body_.tiles.size() + bytes;
    if (needed <= body_.tiles.capacity()) return;
    const std::size_t tiles = table_.tiles() - body_.first_tile;
    const std::size_t expected = needed / body_.lengths.size() * (tiles + tiles / 8);
    const std::size_t fullest = std::min(expected, file_bytes_) + longest_tile_bytes(kTileWords, 4);
    body_.tiles.reserve(std::max(2 * needed, fullest));
}

// The body goes before the sink is asked: it may wait, and only the file is in memory then.
bool CompactCutter::flush() {
    const std::size_t next_tile = body_.first_tile + body_.lengths.size();
    Bytes file = write_compact_file(table_, versions_, classes_, body_);
    body_ = CompactBody{.first_tile = next_tile, .lengths = {}, .tiles = {}, .changed_words = 0};
    has_written_ = true;
    return sink_(std::move(file));
}

}  // namespace dws
