#include "rollout_worker/live_weights.h"

#include <utility>

#include "base/require.h"

namespace dws {
namespace {

ArrayTable table_of(const ModelConfig& config) {
    Result<ArrayTable> table = ArrayTable::make(weight_layout(config));
    require(static_cast<bool>(table), "a model's weights are 2-byte words");
    return std::move(*table);
}

std::vector<HugeVector<std::byte>> zeros(std::int64_t copies, std::size_t size_bytes) {
    std::vector<HugeVector<std::byte>> all;
    for (std::int64_t copy = 0; copy < copies; ++copy) all.emplace_back(size_bytes);
    return all;
}

}  // namespace

LiveWeights::LiveWeights(const ModelConfig& config, std::int64_t copies, ReplicaThreads threads)
    : table_(table_of(config)),
      copies_(zeros(copies, table_.layout().size_bytes())),
      replica_(table_, copies_.front(),
               copies > 1 ? std::span(copies_.back()) : std::span<std::byte>(), threads) {}

std::span<const Bf16> LiveWeights::words() const {
    const std::span<const std::byte> live = replica_.words();
    return {reinterpret_cast<const Bf16*>(live.data()), live.size() / sizeof(Bf16)};
}

}  // namespace dws
