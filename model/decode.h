// The pass through the model for generation: new tokens of several sequences against their cached
// keys and values. One call serves prompts and single tokens alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/backend.h"
#include "model/config.h"
#include "model/rope.h"
#include "model/weights.h"

namespace dws {

// Keys and values of every token so far, per slot. Keys are stored after norm and rotation. Slots
// and token counts out of bounds are bugs and stop the program.
class KvCache {
public:
    KvCache(const ModelConfig& config, int slots, int capacity_tokens);

    int slots() const { return slots_; }
    int capacity_tokens() const { return capacity_; }
    int length(int slot) const;
    void clear(int slot);
    void extend(int slot, int tokens);  // after their keys and values are written

    // One layer and slot, fp32. Keys lie element by element, (K*head, key_stride), so that a query
    // meets neighbouring keys in one vector; values token by token, (capacity, K*head).
    float* keys(int layer, int slot);
    float* values(int layer, int slot);
    int key_stride() const { return key_stride_; }

    // The rotations of all positions up to the capacity.
    const RopeTable& table() const { return table_; }

private:
    std::size_t checked(int slot) const;

    int slots_, capacity_, layers_;
    int key_stride_;  // capacity, rounded up to whole vectors
    int key_width_;   // K*head
    std::vector<int> lengths_;
    std::vector<float> keys_, values_;
    RopeTable table_;
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
// extended by all tokens given. A slot stands at most once among the inputs.
void decode(const ModelConfig& config, std::span<const Bf16> words,
            std::span<const NewTokens> inputs, Backend& backend, KvCache& cache,
            DecodeBuffers& buffers, std::span<float> logits);

}  // namespace dws
