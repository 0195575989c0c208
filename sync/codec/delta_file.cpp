#include "sync/codec/delta_file.h"

#include "sync/codec/compact.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/interchange.h"

namespace dws {

Result<Done> decode_delta_file(const ArrayTable& table, std::span<const std::byte> file,
                               std::int64_t version, std::int64_t base_version,
                               std::span<const std::byte> words, Changes& changes,
                               std::size_t threads) {
    if (is_compact_file(file))
        return decode_compact(table, file, version, base_version, words, changes, threads);
    return decode_delta(table, file, version, changes);
}

}  // namespace dws
