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

std::size_t lines_for(std::size_t size_bytes) { return (size_bytes + 63) / 64; }

}  // namespace

LiveWeights::LiveWeights(const ModelConfig& config)
    : table_(table_of(config)),
      lines_(lines_for(table_.layout().size_bytes())),
      replica_(table_,
               std::as_writable_bytes(std::span(lines_)).first(table_.layout().size_bytes())) {}

std::span<const Bf16> LiveWeights::words() const {
    require(!lines_.empty(), "a model has weights");
    return {lines_.front().words.data(), table_.layout().size_bytes() / sizeof(Bf16)};
}

}  // namespace dws
