#include "experiments/model_speed/timed_backend.h"

#include <numeric>

#include "base/clock.h"

namespace dws {

double WorkTimes::all_forward_s() const {
    return std::accumulate(forward_s.begin(), forward_s.end(), 0.0);
}

double WorkTimes::all_backward_s() const {
    return std::accumulate(backward_s.begin(), backward_s.end(), 0.0);
}

// The head's product stays on the way there: between its chunks the loss is asked.
template <class Operation>
void TimedBackend::forward(Work work, Operation operation) {
    const Stopwatch stopwatch;
    operation();
    auto& way = is_on_way_back_ && work != Work::head ? times_.backward_s : times_.forward_s;
    way[static_cast<std::size_t>(work)] += stopwatch.seconds();
}

template <class Operation>
void TimedBackend::backward(Work work, Operation operation) {
    const Stopwatch stopwatch;
    operation();
    times_.backward_s[static_cast<std::size_t>(work)] += stopwatch.seconds();
    if (work == Work::products) is_on_way_back_ = true;
}

Work TimedBackend::product_of(auto matrices) const {
    const bool is_head = matrices.size() == 1 && matrices[0].rows == vocabulary_;
    return is_head ? Work::head : Work::products;
}

void TimedBackend::matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                          int inputs, Sum sum) {
    forward(product_of(weights), [&] { beneath_.matmul(x, weights, y, rows, inputs, sum); });
}

void TimedBackend::matmul_input_gradient(const float* dy, std::span<const WeightMatrix> weights,
                                         float* dx, int rows, int inputs, Sum sum) {
    backward(product_of(weights),
             [&] { beneath_.matmul_input_gradient(dy, weights, dx, rows, inputs, sum); });
}

void TimedBackend::matmul_weight_gradient(const float* dy, const float* x,
                                          std::span<const GradientMatrix> gradients, int rows,
                                          int inputs) {
    backward(product_of(gradients),
             [&] { beneath_.matmul_weight_gradient(dy, x, gradients, rows, inputs); });
}

void TimedBackend::rms_norm(const float* x, const Bf16* weight, float* y, int rows, int size,
                            float epsilon) {
    forward(Work::pointwise, [&] { beneath_.rms_norm(x, weight, y, rows, size, epsilon); });
}

void TimedBackend::rms_norm_backward(const float* x, const Bf16* weight, const float* dy, float* dx,
                                     float* d_weight, int rows, int size, float epsilon) {
    backward(Work::pointwise,
             [&] { beneath_.rms_norm_backward(x, weight, dy, dx, d_weight, rows, size, epsilon); });
}

void TimedBackend::norm_rope(const ModelConfig& config, const float* qkv, const Bf16* query_norm,
                             const Bf16* key_norm, const int* positions, const RopeTable& table,
                             float* heads, int rows) {
    forward(Work::pointwise, [&] {
        beneath_.norm_rope(config, qkv, query_norm, key_norm, positions, table, heads, rows);
    });
}

void TimedBackend::norm_rope_backward(const ModelConfig& config, const float* qkv,
                                      const Bf16* query_norm, const Bf16* key_norm,
                                      const int* positions, const RopeTable& table, float* d_heads,
                                      float* d_query_norm, float* d_key_norm, int rows) {
    backward(Work::pointwise, [&] {
        beneath_.norm_rope_backward(config, qkv, query_norm, key_norm, positions, table, d_heads,
                                    d_query_norm, d_key_norm, rows);
    });
}

void TimedBackend::attention(const ModelConfig& config, const float* heads,
                             std::span<const int> starts, float* mixed, float* log_totals) {
    forward(Work::attention, [&] { beneath_.attention(config, heads, starts, mixed, log_totals); });
}

void TimedBackend::attention_backward(const ModelConfig& config, const float* heads,
                                      std::span<const int> starts, const float* mixed,
                                      const float* log_totals, const float* d_mixed,
                                      float* d_heads) {
    backward(Work::attention, [&] {
        beneath_.attention_backward(config, heads, starts, mixed, log_totals, d_mixed, d_heads);
    });
}

void TimedBackend::attention_cached(const ModelConfig& config, const float* heads,
                                    std::span<const CachedSequence> sequences,
                                    std::size_t layer_offset, float* mixed) {
    forward(Work::attention,
            [&] { beneath_.attention_cached(config, heads, sequences, layer_offset, mixed); });
}

void TimedBackend::swiglu(const float* gate_up, float* product, int rows, int size) {
    forward(Work::pointwise, [&] { beneath_.swiglu(gate_up, product, rows, size); });
}

void TimedBackend::swiglu_backward(const float* gate_up, const float* d_product, float* product,
                                   float* d_gate_up, int rows, int size) {
    backward(Work::pointwise,
             [&] { beneath_.swiglu_backward(gate_up, d_product, product, d_gate_up, rows, size); });
}

void TimedBackend::embed(const Bf16* table, const std::int32_t* tokens, float* x, int rows,
                         int size) {
    forward(Work::pointwise, [&] { beneath_.embed(table, tokens, x, rows, size); });
}

void TimedBackend::embed_backward(const std::int32_t* tokens, const float* dx, float* d_table,
                                  int rows, int size) {
    backward(Work::pointwise, [&] { beneath_.embed_backward(tokens, dx, d_table, rows, size); });
}

void TimedBackend::copy(const float* from, float* to, std::size_t count) {
    forward(Work::pointwise, [&] { beneath_.copy(from, to, count); });
}

void TimedBackend::gather_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                               int size) {
    forward(Work::pointwise, [&] { beneath_.gather_rows(from, indices, to, rows, size); });
}

void TimedBackend::scatter_rows(const float* from, const std::int32_t* indices, float* to, int rows,
                                int size) {
    backward(Work::pointwise, [&] { beneath_.scatter_rows(from, indices, to, rows, size); });
}

void TimedBackend::gather_words(const Bf16* from, const std::int32_t* indices, Bf16* to, int rows,
                                int size) {
    forward(Work::pointwise, [&] { beneath_.gather_words(from, indices, to, rows, size); });
}

}  // namespace dws
