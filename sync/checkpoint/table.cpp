// The table of a checkpoint's arrays, and what is computed over it.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "sync/checkpoint/checkpoint.h"
#include "sync/parallel.h"

namespace dws {
namespace {

constexpr std::size_t kWordsOf8Bytes = 2;
constexpr std::size_t kPieceTiles = 64;  // 8 MiB of bf16 between two looks at who waits

std::string shown(const TensorSpec& spec) {
    std::string shape;
    for (const std::int64_t extent : spec.shape)
        shape += (shape.empty() ? "" : ",") + std::to_string(extent);
    return std::string(name_of(spec.dtype)) + " [" + shape + "]";
}

}  // namespace

Result<ArrayTable> table_of(std::span<const CheckpointShard> shards) {
    std::map<std::string, std::pair<TensorSpec, const CheckpointShard*>> arrays;
    for (const CheckpointShard& shard : shards) {
        for (const TensorPlace& place : shard.parsed.tensors) {
            TensorSpec spec = place.spec;
            if (width_bytes(spec.dtype) == 4 * kWordsOf8Bytes) {
                if (spec.shape.size() == kMaxDimensions)
                    return Error{Fault::corrupt,
                                 fmt::format("{}: array {} has {} dimensions of 8-byte elements",
                                             shard.path, spec.name, kMaxDimensions)};
                spec.dtype = DType::kU32;
                spec.shape.push_back(kWordsOf8Bytes);
            }
            const auto [held, is_new] = arrays.try_emplace(place.spec.name, spec, &shard);
            if (!is_new)
                return Error{Fault::corrupt, fmt::format("array {} is in {} and in {}", spec.name,
                                                         held->second.second->path, shard.path)};
            if (arrays.size() > kMaxArrays)
                return Error{Fault::corrupt, "more arrays than any model has"};
        }
    }
    std::vector<TensorSpec> specs;
    specs.reserve(arrays.size());
    std::uint64_t total = 0;  // of files that exist or are claimed: the sum may not wrap
    for (auto& [name, array] : arrays) {
        const std::uint64_t bytes = array.first.elements() * width_bytes(array.first.dtype);
        if (bytes > kMaxCheckpointBytes || (total += bytes) > kMaxCheckpointBytes)
            return Error{Fault::corrupt, "its arrays are larger than any machine's memory"};
        specs.push_back(std::move(array.first));
    }
    return ArrayTable::make(TensorLayout(std::move(specs)));
}

std::optional<std::string> first_difference(const ArrayTable& left, const std::string& left_name,
                                            const ArrayTable& right,
                                            const std::string& right_name) {
    if (left.layout_hash() == right.layout_hash()) return std::nullopt;
    const auto absent = [](const TensorSpec& spec, const std::string& here,
                           const std::string& there) {
        return fmt::format("array {} is in {} and not in {}", spec.name, here, there);
    };
    for (const TensorSpec& spec : left.layout().specs()) {
        const std::optional<std::size_t> index = right.layout().index_of(spec.name);
        if (!index) return absent(spec, left_name, right_name);
        const TensorSpec& other = right.layout().specs()[*index];
        if (other != spec)
            return fmt::format("array {} is {} in {} and {} in {}", spec.name, shown(spec),
                               left_name, shown(other), right_name);
    }
    for (const TensorSpec& spec : right.layout().specs())
        if (!left.layout().index_of(spec.name)) return absent(spec, right_name, left_name);
    return fmt::format("the arrays of {} stand in another order in {}", left_name, right_name);
}

Result<Digest> digest_words(const ArrayTable& table, std::span<const std::byte> words,
                            std::size_t threads, const PieceDone& piece_done) {
    std::vector<Digest> sums(std::max<std::size_t>(threads, 1));
    std::atomic<bool> is_stopped{false};
    const std::size_t pieces = (table.tiles() + kPieceTiles - 1) / kPieceTiles;
    for_each_piece(sums.size(), pieces, [&](std::size_t thread, std::size_t piece) {
        if (is_stopped) return;
        std::uint64_t bytes = 0;
        const std::size_t end = std::min((piece + 1) * kPieceTiles, table.tiles());
        for (std::size_t index = piece * kPieceTiles; index < end; ++index) {
            sums[thread] += digest_tile(table, index, words);
            const Tile tile = table.tile(index);
            bytes += tile.words * tile.word_bytes;
        }
        if (piece_done && !piece_done(bytes)) is_stopped = true;
    });
    if (is_stopped) return Error{Fault::transport, "stopped"};
    return sum(sums);
}

}  // namespace dws
