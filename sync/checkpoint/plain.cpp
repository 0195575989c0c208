#include "sync/checkpoint/plain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/require.h"
#include "base/shard_index.h"

namespace dws {
namespace {

// Widest first, so that every array starts at a multiple of its width.
CheckpointShard shard_of(std::string path, std::vector<TensorSpec> specs) {
    std::stable_sort(specs.begin(), specs.end(), [](const TensorSpec& a, const TensorSpec& b) {
        return width_bytes(a.dtype) > width_bytes(b.dtype);
    });
    CheckpointShard shard;
    shard.path = std::move(path);
    shard.header = write_safetensors_header(specs, {{"format", "pt"}});  // transformers asks for it
    Result<SafetensorsHeader> parsed = SafetensorsHeader::parse(shard.header, std::nullopt);
    require(static_cast<bool>(parsed), "a header of ours can be read");
    shard.parsed = std::move(*parsed);
    return shard;
}

}  // namespace

PlainForm plain_form(const ArrayTable& table, std::uint64_t shard_bytes) {
    std::vector<std::vector<TensorSpec>> cuts(1);
    std::uint64_t bytes = 0;
    for (const TensorSpec& spec : table.layout().specs()) {
        const std::uint64_t size = spec.elements() * width_bytes(spec.dtype);
        if (!cuts.back().empty() && bytes + size > shard_bytes) {
            cuts.emplace_back();
            bytes = 0;
        }
        cuts.back().push_back(spec);
        bytes += size;
    }
    PlainForm form;
    std::map<std::string, std::string> weight_map;
    for (std::size_t number = 1; number <= cuts.size(); ++number) {
        const std::string path =
            cuts.size() == 1
                ? "model.safetensors"
                : fmt::format("model-{:05d}-of-{:05d}.safetensors", number, cuts.size());
        for (const TensorSpec& spec : cuts[number - 1]) weight_map.emplace(spec.name, path);
        form.shards.push_back(shard_of(path, std::move(cuts[number - 1])));
    }
    if (form.shards.size() > 1) form.index = write_shard_index(weight_map, table.word_bytes());
    return form;
}

}  // namespace dws
