#include "base/require.h"
#include "model/decode.h"

namespace dws {
namespace {

constexpr int kStrideFloats = 16;  // of the widest vectors; attention reads keys by whole vectors

}  // namespace

KvCache::KvCache(const ModelConfig& config, int slots, int capacity_tokens)
    : slots_(slots),
      capacity_(capacity_tokens),
      layers_(config.layers),
      key_stride_((capacity_tokens + kStrideFloats - 1) / kStrideFloats * kStrideFloats),
      key_width_(config.key_heads * config.head_size) {
    require(slots >= 1 && capacity_tokens >= 1, "a cache has room");
    const std::size_t rows = static_cast<std::size_t>(layers_) * static_cast<std::size_t>(slots_) *
                             static_cast<std::size_t>(key_width_);
    lengths_.resize(static_cast<std::size_t>(slots_), 0);
    keys_.resize(rows * static_cast<std::size_t>(key_stride_));
    values_.resize(rows * static_cast<std::size_t>(capacity_));
    table_.grow(config, capacity_);
}

std::size_t KvCache::checked(int slot) const {
    require(slot >= 0 && slot < slots_, "a slot of this cache");
    return static_cast<std::size_t>(slot);
}

int KvCache::length(int slot) const { return lengths_[checked(slot)]; }

void KvCache::clear(int slot) { lengths_[checked(slot)] = 0; }

void KvCache::extend(int slot, int tokens) {
    int& length = lengths_[checked(slot)];
    require(tokens >= 0 && tokens <= capacity_ - length, "tokens fit the cache's capacity");
    length += tokens;
}

float* KvCache::keys(int layer, int slot) {
    require(layer >= 0 && layer < layers_, "a layer of this cache");
    const std::size_t index =
        static_cast<std::size_t>(layer) * static_cast<std::size_t>(slots_) + checked(slot);
    return keys_.data() +
           index * static_cast<std::size_t>(key_width_) * static_cast<std::size_t>(key_stride_);
}

float* KvCache::values(int layer, int slot) {
    require(layer >= 0 && layer < layers_, "a layer of this cache");
    const std::size_t index =
        static_cast<std::size_t>(layer) * static_cast<std::size_t>(slots_) + checked(slot);
    return values_.data() +
           index * static_cast<std::size_t>(key_width_) * static_cast<std::size_t>(capacity_);
}

}  // namespace dws
