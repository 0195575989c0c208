// Every operation the model asks for, with shapes. Coarse and virtual: one call does a whole
// layer's worth of one kind of work. CPU code (x_cpu.cpp) is the specification.
//
// Letters: T tokens (rows), D hidden size, V vocabulary, F mlp size, H query heads, K key heads;
// W = (H + 2K) * head, the width of one token's queries, keys and values side by side.
// Weights are bf16 words, a cache's pages what cached_bytes() says, everything else fp32, all
// row-major without padding. Outputs do not
// overlap inputs unless said. "+=" adds to what is there. The same arguments and number of threads
// give the same bits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "model/config.h"
#include "model/rope.h"
#include "model/weights.h"

namespace dws {

// Matrices of one number of columns are passed as a stack: they act as one matrix whose rows are
// theirs, in order. So query, key and value, or gate and up, are one product.
struct WeightMatrix {
    const Bf16* words;  // (rows, columns)
    int rows;
};
struct GradientMatrix {
    float* values;  // (rows, columns)
    int rows;
};

// Tokens of one sequence in a cache, and the new ones that follow them.
struct CachedSequence {
    std::span<std::byte* const> pages;  // see cache_page.h; they reach past + rows tokens
    int past;                           // tokens whose keys and values are there
    int first_row;                      // of the new tokens among the rows of the call
    int rows;                           // new tokens
};

enum class Sum { kOverwrite, kAdd };

class Backend {
public:
    virtual ~Backend() = default;

    // About how many tokens the passes of training should take through all layers at a time: so
    // few that what one operation leaves is still in cache for the next, and enough to fill it.
    virtual int run_tokens() const = 0;

    // Of a number in the cache's pages: 4, fp32; or 2, bf16.
    virtual std::size_t cached_bytes() const = 0;

    // y = x W^T, or += with kAdd.
    virtual void matmul(const float* x,                         // (T, inputs)
                        std::span<const WeightMatrix> weights,  // (outputs, inputs) stacked
                        float* y,                               // (T, outputs)
                        int rows, int inputs, Sum sum) = 0;

    // dx = dy W, or += with kAdd.
    virtual void matmul_input_gradient(const float* dy,                        // (T, outputs)
                                       std::span<const WeightMatrix> weights,  // (outputs, inputs)
                                       float* dx,                              // (T, inputs)
                                       int rows, int inputs, Sum sum) = 0;

    // dW += dy^T x.
    virtual void matmul_weight_gradient(const float* dy,  // (T, outputs)
                                        const float* x,   // (T, inputs)
                                        std::span<const GradientMatrix> gradients, int rows,
                                        int inputs) = 0;

    // y = x / sqrt(mean(x^2) + epsilon) * weight, the mean over a row.
    virtual void rms_norm(const float* x,      // (T, D)
                          const Bf16* weight,  // (D,)
                          float* y,            // (T, D)
                          int rows, int size, float epsilon) = 0;

    virtual void rms_norm_backward(const float* x,      // (T, D)
                                   const Bf16* weight,  // (D,)
                                   const float* dy,     // (T, D)
                                   float* dx,           // (T, D) +=
                                   float* d_weight,     // (D,) +=
                                   int rows, int size, float epsilon) = 0;

    // RMS norm of each query and key head, then its rotation by position, halves layout: element
    // i pairs with i + head/2 (HF Qwen3, not the interleaved pairs of the RoFormer paper). Values
    // are copied. With cached_bytes() of 2, keys and values are then rounded to bf16; on the way
    // back a gradient passes that rounding as it is.
    virtual void norm_rope(const ModelConfig& config,
                           const float* qkv,        // (T, W)
                           const Bf16* query_norm,  // (head,)
                           const Bf16* key_norm,    // (head,)
                           const int* positions,    // (T,)
                           const RopeTable& table,  // reaching every position
                           float* heads,            // (T, W)
                           int rows) = 0;

    virtual void norm_rope_backward(const ModelConfig& config,
                                    const float* qkv,        // (T, W)
                                    const Bf16* query_norm,  // (head,)
                                    const Bf16* key_norm,    // (head,)
                                    const int* positions,    // (T,)
                                    const RopeTable& table,
                                    float* d_heads,       // (T, W) in place: becomes d_qkv
                                    float* d_query_norm,  // (head,) +=
                                    float* d_key_norm,    // (head,) +=
                                    int rows) = 0;

    // Causal attention inside each sequence; query head h meets key head h / (H/K).
    virtual void attention(const ModelConfig& config,
                           const float* heads,           // (T, W) after norm_rope
                           std::span<const int> starts,  // (sequences + 1,) first 0, last T
                           float* mixed,                 // (T, H*head)
                           float* log_totals) = 0;       // (T, H) log of the softmax's divisor

    virtual void attention_backward(const ModelConfig& config,
                                    const float* heads,  // (T, W)
                                    std::span<const int> starts,
                                    const float* mixed,       // (T, H*head) attention()'s
                                    const float* log_totals,  // (T, H) attention()'s
                                    const float* d_mixed,     // (T, H*head)
                                    float* d_heads) = 0;      // (T, W)

    // Writes the new tokens' keys and values behind the cached ones, then attends: a new token
    // meets the cached ones, the new ones before it, and itself. Pages may be shared by sequences
    // that only read them here.
    virtual void attention_cached(const ModelConfig& config,
                                  const float* heads,  // (T, W) after norm_rope
                                  std::span<const CachedSequence> sequences,
                                  std::size_t layer_offset,  // numbers before it in each page
                                  float* mixed) = 0;         // (T, H*head)

    // silu(gate) * up.
    virtual void swiglu(const float* gate_up,  // (T, 2F) gate then up
                        float* product,        // (T, F)
                        int rows, int size) = 0;

    // Computes the product once more: keeping it would cost more time than that.
    virtual void swiglu_backward(const float* gate_up,    // (T, 2F)
                                 const float* d_product,  // (T, F)
                                 float* product,          // (T, F)
                                 float* d_gate_up,        // (T, 2F)
                                 int rows, int size) = 0;

    virtual void embed(const Bf16* table,           // (V, D)
                       const std::int32_t* tokens,  // (T,) below V
                       float* x,                    // (T, D)
                       int rows, int size) = 0;

    virtual void embed_backward(const std::int32_t* tokens,  // (T,)
                                const float* dx,             // (T, D)
                                float* d_table,              // (V, D) +=
                                int rows, int size) = 0;

    virtual void copy(const float* from, float* to, std::size_t count) = 0;

    // Rows named by index: to[r] = from[indices[r]], and the way back, to[indices[r]] += from[r].
    virtual void gather_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                             int size) = 0;
    virtual void scatter_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                              int size) = 0;
    virtual void gather_words(const Bf16* from, const std::int32_t* indices, Bf16* to, int rows,
                              int size) = 0;
};

// What a matrix product multiplies; its sums are fp32 in both.
enum class Products {
    fp32,  // activations as they are, weights widened
    bf16  // both operands rounded to bf16 (see bf16_products.h), and keys and values as well, where
          // the processor has a unit for it; elsewhere as fp32
};

// threads: of this backend's parallel loops and matrix products; at least 1.
std::unique_ptr<Backend> make_cpu_backend(int threads, Products products = Products::fp32);

}  // namespace dws
