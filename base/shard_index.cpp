#include "base/shard_index.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/safetensors.h"

namespace dws {
namespace {

using Json = nlohmann::json;

Error corrupt(std::string detail) { return Error{Fault::corrupt, std::move(detail)}; }

}  // namespace

Result<std::map<std::string, std::string>> read_shard_index(std::span<const std::byte> json) {
    if (json.size() > kMaxIndexBytes) return corrupt("larger than the list of any model's arrays");
    const Json index = Json::parse(text_of(json), nullptr, false);
    if (index.is_discarded()) return corrupt("not JSON");
    const auto weights = index.find("weight_map");
    if (weights == index.end() || !weights->is_object()) return corrupt("it has no weight_map");
    if (weights->size() > kMaxArrays) return corrupt("more arrays than any model has");
    std::map<std::string, std::string> shards;
    for (const auto& [array, shard] : weights->items()) {
        if (!shard.is_string())
            return corrupt(fmt::format("weight_map gives no file name for array {}", array));
        shards.emplace(array, shard.get<std::string>());
    }
    return shards;
}

std::string write_shard_index(const std::map<std::string, std::string>& weight_map,
                              std::uint64_t total_bytes) {
    const Json index{{"metadata", {{"total_size", total_bytes}}}, {"weight_map", weight_map}};
    return index.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dws
