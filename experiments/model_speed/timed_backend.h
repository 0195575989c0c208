// A backend that does nothing itself but note how long another one takes, by kind of work: where
// the time of a training step or a decoding step goes.
#pragma once

#include <array>
#include <cstddef>

#include "model/backend.h"

namespace dws {

enum class Work { products, head, attention, pointwise };
inline constexpr std::size_t kWorks = 4;

// Seconds since the last reset, by Work. With recomputation, what is computed again on the way back
// belongs to the way back.
struct WorkTimes {
    std::array<double, kWorks> forward_s{}, backward_s{};

    double forward(Work work) const { return forward_s[static_cast<std::size_t>(work)]; }
    double backward(Work work) const { return backward_s[static_cast<std::size_t>(work)]; }
    double all_forward_s() const;
    double all_backward_s() const;
};

class TimedBackend final : public Backend {
public:
    // beneath: not owned, outlives this. vocabulary: a product with one matrix of so many rows is
    // the head's.
    TimedBackend(Backend& beneath, int vocabulary) : beneath_(beneath), vocabulary_(vocabulary) {}

    void reset() { times_ = {}, is_on_way_back_ = false; }
    const WorkTimes& times() const { return times_; }

    int run_tokens() const override { return beneath_.run_tokens(); }
    std::size_t cached_bytes() const override { return beneath_.cached_bytes(); }
    void matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                int inputs, Sum sum) override;
    void matmul_input_gradient(const float* dy, std::span<const WeightMatrix> weights, float* dx,
                               int rows, int inputs, Sum sum) override;
    void matmul_weight_gradient(const float* dy, const float* x,
                                std::span<const GradientMatrix> gradients, int rows,
                                int inputs) override;
    void rms_norm(const float* x, const Bf16* weight, float* y, int rows, int size,
                  float epsilon) override;
    void rms_norm_backward(const float* x, const Bf16* weight, const float* dy, float* dx,
                           float* d_weight, int rows, int size, float epsilon) override;
    void norm_rope(const ModelConfig& config, const float* qkv, const Bf16* query_norm,
                   const Bf16* key_norm, const int* positions, const RopeTable& table, float* heads,
                   int rows) override;
    void norm_rope_backward(const ModelConfig& config, const float* qkv, const Bf16* query_norm,
                            const Bf16* key_norm, const int* positions, const RopeTable& table,
                            float* d_heads, float* d_query_norm, float* d_key_norm,
                            int rows) override;
    void attention(const ModelConfig& config, const float* heads, std::span<const int> starts,
                   float* mixed, float* log_totals) override;
    void attention_backward(const ModelConfig& config, const float* heads,
                            std::span<const int> starts, const float* mixed,
                            const float* log_totals, const float* d_mixed, float* d_heads) override;
    void attention_cached(const ModelConfig& config, const float* heads,
                          std::span<const CachedSequence> sequences, std::size_t layer_offset,
                          float* mixed) override;
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

private:
    template <class Operation>
    void forward(Work work, Operation operation);
    template <class Operation>
    void backward(Work work, Operation operation);
    Work product_of(auto matrices) const;

    Backend& beneath_;
    const int vocabulary_;
    WorkTimes times_;
    bool is_on_way_back_ = false;  // through the layers; the head's chunks go there and back
};

}  // namespace dws
