// The pass through the model for generation: new tokens of several sequences against their cached
// keys and values. One call serves prompts and single tokens alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/backend.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/weights.h"

namespace dws {

// New tokens of one slot; they follow the cache's length(slot) tokens.
struct NewTokens {
    int slot;
    std::vector<std::int32_t> tokens;  // at least one, and they fit the capacity
    bool wants_logits = true;          // of the last; the first pieces of a prompt need none
};

// Buffers reused from call to call.
struct DecodeBuffers {
    std::vector<float> storage;
};

// words: (elements,) bf16. cache: of the backend's cached_bytes(). logits: (wanting inputs, V)
// fp32: of each one's last token. The cache is extended by all tokens given. A slot stands at most
// once among the inputs.
void decode(const ModelConfig& config, std::span<const Bf16> words,
            std::span<const NewTokens> inputs, Backend& backend, KvCache& cache,
            DecodeBuffers& buffers, std::span<float> logits);

}  // namespace dws
