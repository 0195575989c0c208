// The operations on the processor: OpenMP loops of our own, and for large matrix products oneDNN
// or, in bf16, kernels of our own. Its parts stand in x_cpu.cpp. Made by make_cpu_backend(); one
// thread calls it at a time.
#pragma once

#include <vector>

#include "model/backend.h"
#include "model/bf16_products.h"

namespace dws {

class CpuBackend final : public Backend {
public:
    CpuBackend(int threads, Products products);

    // 512 tokens of a model with D = 64 leave about 1.5 MB between operations.
    int run_tokens() const override { return 512 * threads_; }
    // Products round to bf16 anyway, and the cache is half as large.
    std::size_t cached_bytes() const override { return bf16_products_ ? 2 : 4; }

    // matmul_cpu.cpp
    void matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                int inputs, Sum sum) override;
    void matmul_input_gradient(const float* dy, std::span<const WeightMatrix> weights, float* dx,
                               int rows, int inputs, Sum sum) override;
    void matmul_weight_gradient(const float* dy, const float* x,
                                std::span<const GradientMatrix> gradients, int rows,
                                int inputs) override;

    // pointwise_cpu.cpp
    void rms_norm(const float* x, const Bf16* weight, float* y, int rows, int size,
                  float epsilon) override;
    void rms_norm_backward(const float* x, const Bf16* weight, const float* dy, float* dx,
                           float* d_weight, int rows, int size, float epsilon) override;
    void swiglu(const float* gate_up, float* product, int rows, int size) override;
    void swiglu_backward(const float* gate_up, const float* d_product, float* product,
                         float* d_gate_up, int rows, int size) override;
    void embed(const Bf16* table, const std::int32_t* tokens, float* x, int rows,
               int size) override;
    void embed_backward(const std::int32_t* tokens, const float* dx, float* d_table, int rows,
                        int size) override;
    void copy(const float* from, float* to, std::size_t count) override;
    void gather_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                     int size) override;
    void scatter_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                      int size) override;
    void gather_words(const Bf16* from, const std::int32_t* indices, Bf16* to, int rows,
                      int size) override;

    // norm_rope_cpu.cpp
    void norm_rope(const ModelConfig& config, const float* qkv, const Bf16* query_norm,
                   const Bf16* key_norm, const int* positions, const RopeTable& table, float* heads,
                   int rows) override;
    void norm_rope_backward(const ModelConfig& config, const float* qkv, const Bf16* query_norm,
                            const Bf16* key_norm, const int* positions, const RopeTable& table,
                            float* d_heads, float* d_query_norm, float* d_key_norm,
                            int rows) override;

    // attention_cpu.cpp, attention_backward_cpu.cpp, attention_cached_cpu.cpp
    void attention(const ModelConfig& config, const float* heads, std::span<const int> starts,
                   float* mixed, float* log_totals) override;
    void attention_backward(const ModelConfig& config, const float* heads,
                            std::span<const int> starts, const float* mixed,
                            const float* log_totals, const float* d_mixed, float* d_heads) override;
    void attention_cached(const ModelConfig& config, const float* heads,
                          std::span<const CachedSequence> sequences, std::size_t layer_offset,
                          float* mixed) override;

private:
    // Whether a loop over so many numbers is worth several threads: waking those that sleep takes
    // as long as some ten thousand numbers.
    bool is_shared(std::size_t numbers) const { return threads_ > 1 && numbers >= 16 * 1024; }
    const float* widen(std::span<const WeightMatrix> weights, int inputs);

    int threads_;
    std::unique_ptr<Bf16Products> bf16_products_;  // null: products are fp32
    std::vector<float> widened_;  // a stack's weights as fp32, for the length of one product
};

}  // namespace dws
