#include "sync/fetch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/safetensors.h"
#include "sync/codec/delta_file.h"
#include "sync/codec/interchange.h"
#include "sync/sha256.h"

namespace dws {

Result<Bytes> fetch_object(Bucket& bucket, const std::string& run, const ObjectRef& object) {
    // One byte more than it may have: a longer object shows itself.
    Result<Bytes> bytes =
        bucket.get(run + "/" + object.key, {.offset = 0, .length = object.size_bytes + 1});
    if (!bytes) return bytes;
    if (bytes->size() != object.size_bytes)
        return Error{Fault::corrupt,
                     fmt::format("{}: {} bytes expected, {}{} came", object.key, object.size_bytes,
                                 bytes->size() > object.size_bytes ? "over " : "",
                                 std::min(bytes->size(), object.size_bytes))};
    if (sha256_hex(*bytes) != object.sha256)
        return Error{Fault::corrupt, fmt::format("{}: SHA-256 is not the record's", object.key)};
    return bytes;
}

std::uint64_t largest_file_bytes(std::uint64_t words, std::uint64_t word_bytes) {
    constexpr std::uint64_t kLengthBytes = 8;
    constexpr std::uint64_t kPositionBytes = 8;
    return kLengthBytes + kMaxHeaderBytes + kPositionBytes * words + word_bytes;
}

Result<Done> check_sizes(const ArrayTable& table, const Record& record) {
    const std::uint64_t most = largest_file_bytes(table.words(), table.word_bytes());
    for (const ObjectRef& object : record.objects)
        if (holds_words(object) && object.size_bytes > most)
            return Error{Fault::corrupt,
                         fmt::format("{}: {} bytes, the run's arrays need at most {}", object.key,
                                     object.size_bytes, most)};
    return Done{};
}

Result<Changes> read_delta(const ArrayTable& table, const Record& record,
                           std::span<const std::byte> base, const ObjectSource& source,
                           std::size_t threads) {
    if (const Result<Done> sizes = check_sizes(table, record); !sizes) return sizes.error();
    Changes changes;
    for (const ObjectRef& object : record.objects) {
        if (!holds_words(object)) continue;
        const Result<Bytes> file = source(object);
        if (!file) return file.error();
        const Result<Done> decoded = decode_delta_file(table, *file, record.version,
                                                       record.base_version, base, changes, threads);
        if (!decoded)
            return Error{decoded.error().fault, object.key + ": " + decoded.error().detail};
    }
    return changes;
}

Result<Done> read_anchor(const ArrayTable& table, const Record& record, const ObjectSource& source,
                         std::span<std::byte> words) {
    if (const Result<Done> sizes = check_sizes(table, record); !sizes) return sizes.error();
    std::vector<bool> has_array(table.layout().specs().size(), false);
    for (const ObjectRef& object : record.objects) {
        if (!holds_words(object)) continue;
        const Result<Bytes> file = source(object);
        if (!file) return file.error();
        const Result<Done> decoded = decode_anchor(table, *file, words, has_array);
        if (!decoded)
            return Error{decoded.error().fault, object.key + ": " + decoded.error().detail};
    }
    const auto absent = std::find(has_array.begin(), has_array.end(), false);
    if (absent == has_array.end()) return Done{};
    const auto index = static_cast<std::size_t>(absent - has_array.begin());
    return Error{Fault::corrupt, fmt::format("anchor {} has no array {}", record.version,
                                             table.layout().specs()[index].name)};
}

}  // namespace dws
