// The pass through the model for generation: new tokens of several sequences against their cached
// keys and values. One call serves prompts and single tokens alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/backend.h"
#include "model/config.h"
#include "model/weights.h"

namespace dws {

// Keys and values of every token so far, per slot. Keys are stored after norm and rotation.
class KvCache {
public:
    KvCache(const ModelConfig& config, int slots, int capacity_tokens);

    int slots() const { return slots_; }
    int capacity_tokens() const { return capacity_; }
    int length(int slot) const { return lengths_[static_cast<std::size_t>(slot)]; }
    void clear(int slot) { lengths_[static_cast<std::size_t>(slot)] = 0; }
    void extend(int slot, int tokens);  // after their keys and values are written

    // (capacity, K*head) fp32 of one layer and slot.
    float* keys(int layer, int slot);
    float* values(int layer, int slot);

private:
    int slots_, capacity_;
    std::size_t layer_stride_, slot_stride_;
    std::vector<int> lengths_;
    std::vector<float> keys_, values_;
};

// New tokens of one slot; they follow the cache's length(slot) tokens.
struct NewTokens {
    int slot;
    std::vector<std::int32_t> tokens;  // at least one, and they fit the capacity
};

// Buffers reused from call to call.
struct DecodeBuffers {
    std::vector<float> storage;
};

// words: (elements,) bf16. logits: (inputs, V) fp32: of each input's last token. The cache is
// extended by all tokens given.
void decode(const ModelConfig& config, std::span<const Bf16> words,
            std::span<const NewTokens> inputs, Backend& backend, KvCache& cache,
            DecodeBuffers& buffers, std::span<float> logits);

}  // namespace dws
