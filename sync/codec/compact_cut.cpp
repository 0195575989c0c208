#include "sync/codec/compact_cut.h"

#include <utility>

#include "base/require.h"

namespace dws {

bool CompactCutter::add(std::span<const std::uint32_t> lengths, std::span<const std::byte> tiles,
                        std::uint64_t changed_words) {
    body_.lengths.insert(body_.lengths.end(), lengths.begin(), lengths.end());
    body_.tiles.insert(body_.tiles.end(), tiles.begin(), tiles.end());
    body_.changed_words += changed_words;
    return body_.tiles.size() < file_bytes_ || flush();
}

bool CompactCutter::finish() {
    require(body_.first_tile + body_.lengths.size() == table_.tiles(),
            "a delta's files hold every tile of the table");
    return (has_written_ && body_.lengths.empty()) || flush();
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
