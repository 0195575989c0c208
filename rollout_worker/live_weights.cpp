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

LiveWeights::LiveWeights(const ModelConfig& config, std::int64_t copies)
    : table_(table_of(config)),
      lines_(lines_for(table_.layout().size_bytes()) * static_cast<std::size_t>(copies)),
      replica_(table_, copy(0), copies > 1 ? copy(1) : std::span<std::byte>()) {}

std::span<std::byte> LiveWeights::copy(std::size_t index) {
    const std::size_t size = table_.layout().size_bytes();
    const std::size_t lines = lines_for(size);
    return std::as_writable_bytes(std::span(lines_).subspan(index * lines, lines)).first(size);
}

std::span<const Bf16> LiveWeights::words() const {
    const std::span<const std::byte> live = replica_.words();
    return {reinterpret_cast<const Bf16*>(live.data()), live.size() / sizeof(Bf16)};
}

}  // namespace dws
