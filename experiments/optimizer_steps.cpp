#include "experiments/optimizer_steps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "sync/parallel.h"

namespace dws {

namespace {

constexpr std::size_t kFreshRank = 8;  // of each step's gradient
constexpr std::size_t kSlowRank = 4;   // of the signal
constexpr std::size_t kRank = kFreshRank + kSlowRank;
constexpr float kBeta1 = 0.9f;
constexpr float kBeta2 = 0.999f;
constexpr float kGradientScale = 1e-3f;
constexpr std::size_t kThreads = 2;

struct Shape {
    const char* name;
    std::size_t rows, columns;
    float sigma;           // of the weights; 0: ones, as in a norm
    bool has_absent_rows;  // an embedding's rows get gradients only when their token occurs
};
constexpr Shape kShapes[] = {
    {"embed_tokens", 2048, 1024, 0.03f, true}, {"q_proj", 2048, 1024, 0.035f, false},
    {"k_proj", 1024, 1024, 0.04f, false},      {"v_proj", 1024, 1024, 0.025f, false},
    {"o_proj", 1024, 2048, 0.025f, false},     {"gate_proj", 3072, 1024, 0.025f, false},
    {"up_proj", 3072, 1024, 0.022f, false},    {"down_proj", 1024, 3072, 0.02f, false},
    {"input_layernorm", 1, 1024, 0, false},    {"post_attention_layernorm", 1, 1024, 0, false}};

// Rounds to the nearest, ties to even. Values are finite.
std::uint16_t to_bf16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

std::uint32_t scramble(std::uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

// Mean 0, variance 1, nearly normal: the sum of four bytes of a hash.
float noise(std::uint32_t seed, std::uint32_t index) {
    const std::uint32_t bits = scramble(index ^ seed);
    const std::uint32_t sum = (bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24);
    return (static_cast<float>(sum) - 510.0f) * (1.0f / 147.8f);
}

// One matrix, its optimizer state, and what its gradients are made of.
class Matrix {
public:
    Matrix(const Shape& shape, std::uint64_t seed)
        : shape_(shape),
          random_(seed),
          row_scale_(shape.rows),
          column_scale_(shape.columns),
          left_(shape.rows * kRank),
          right_(shape.columns * kRank),
          master_(shape.rows * shape.columns),
          mean_(master_.size()),
          variance_(master_.size()) {
        std::vector<float> row_sigma(shape.rows), column_sigma(shape.columns);
        fill_lognormal(row_sigma, 0.3f);
        fill_lognormal(column_sigma, 0.3f);
        for (float& sigma : column_sigma) sigma *= uniform() < 0.005 ? 4.0f : 1.0f;
        fill_lognormal(row_scale_, 1.0f);
        fill_lognormal(column_scale_, 1.0f);
        for (float& value : left_) value = normal();
        for (float& value : right_) value = normal();
        for (std::size_t row = 0; row < shape.rows; ++row) {
            for (std::size_t column = 0; column < shape.columns; ++column) {
                const float sigma = shape.sigma * row_sigma[row] * column_sigma[column];
                const float value = shape.sigma > 0 ? sigma * normal() : 1.0f + 0.1f * normal();
                master_[row * shape.columns + column] =
                    std::bit_cast<float>(std::uint32_t{to_bf16(value)} << 16);
            }
        }
    }

    void step(int step, const StepScenario& scenario) {
        const float turn = 0.985f;  // how much of the signal stays
        for (std::vector<float>* side : {&left_, &right_}) {
            for (std::size_t index = 0; index < side->size(); ++index) {
                const bool is_slow = index % kRank >= kFreshRank;
                float& value = (*side)[index];
                value = is_slow ? turn * value + std::sqrt(1 - turn * turn) * normal() : normal();
            }
        }
        transpose_right();
        const auto noise_seed = static_cast<std::uint32_t>(random_());
        for_each_piece(kThreads, shape_.rows, [&](std::size_t, std::size_t row) {
            step_row(row, step, scenario, noise_seed);
        });
    }

    void cast(std::byte* to) const {
        for (std::size_t index = 0; index < master_.size(); ++index) {
            const std::uint16_t word = to_bf16(master_[index]);
            std::memcpy(to + 2 * index, &word, 2);
        }
    }

private:
    // std::normal_distribution differs between libraries; this does not.
    float normal() {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));
        return static_cast<float>(radius * std::cos(6.283185307179586 * uniform()));
    }
    double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
    void fill_lognormal(std::vector<float>& values, float spread) {
        for (float& value : values) value = std::exp(spread * normal());
    }

    void transpose_right() {
        right_rows_.resize(right_.size());
        for (std::size_t column = 0; column < shape_.columns; ++column) {
            for (std::size_t rank = 0; rank < kRank; ++rank) {
                right_rows_[rank * shape_.columns + column] = right_[column * kRank + rank];
            }
        }
    }

    // Tokens are ranked by frequency (Zipf): the commonest tenth occurs in every batch.
    bool is_absent(std::size_t row, std::uint32_t noise_seed) const {
        if (!shape_.has_absent_rows) return false;
        const double rank = static_cast<double>(row + 1) / static_cast<double>(shape_.rows);
        const double draw = scramble(static_cast<std::uint32_t>(row) * 7919 + noise_seed) * 0x1p-32;
        return draw > std::pow(0.1 / rank, 3.0);
    }

    void step_row(std::size_t row, int step, const StepScenario& scenario,
                  std::uint32_t noise_seed) {
        const std::size_t columns = shape_.columns;
        float left[kRank];
        for (std::size_t rank = 0; rank < kRank; ++rank) {
            const bool is_slow = rank >= kFreshRank;
            const float strength =
                is_slow ? static_cast<float>(scenario.signal) : 0.7f / std::sqrt(float{kFreshRank});
            left[rank] = left_[row * kRank + rank] * strength;
        }
        const float presence = is_absent(row, noise_seed) ? 0.0f : kGradientScale * row_scale_[row];
        const auto correction = [&](float beta) {
            return 1 / (1 - std::pow(beta, static_cast<float>(step)));
        };
        const float mean_correction = correction(kBeta1);
        const float variance_correction = correction(kBeta2);
        const auto rate = static_cast<float>(scenario.learning_rate);
        float* master = master_.data() + row * columns;
        float* mean = mean_.data() + row * columns;
        float* variance = variance_.data() + row * columns;
        for (std::size_t column = 0; column < columns; ++column) {
            float gradient =
                0.7f * noise(noise_seed, static_cast<std::uint32_t>(row * columns + column));
            for (std::size_t rank = 0; rank < kRank; ++rank) {
                gradient += left[rank] * right_rows_[rank * columns + column];
            }
            gradient *= presence * column_scale_[column];
            mean[column] = kBeta1 * mean[column] + (1 - kBeta1) * gradient;
            variance[column] = kBeta2 * variance[column] + (1 - kBeta2) * gradient * gradient;
            master[column] -= rate * mean[column] * mean_correction /
                              (std::sqrt(variance[column] * variance_correction) + 1e-8f);
        }
    }

    const Shape shape_;
    std::mt19937_64 random_;
    std::vector<float> row_scale_, column_scale_;  // of the gradients
    std::vector<float> left_, right_;              // (rows or columns, kRank)
    std::vector<float> right_rows_;                // right_, transposed
    std::vector<float> master_, mean_, variance_;  // (rows, columns)
};

TensorLayout layout_of(std::size_t copies) {
    std::vector<TensorSpec> specs;
    for (std::size_t copy = 0; copy < copies; ++copy) {
        for (const Shape& shape : kShapes) {
            specs.push_back({"layers." + std::to_string(copy) + "." + shape.name,
                             DType::kBF16,
                             {static_cast<std::int64_t>(shape.rows),
                              static_cast<std::int64_t>(shape.columns)}});
        }
    }
    return TensorLayout(std::move(specs));
}

}  // namespace

StepPair simulate_step(const StepScenario& scenario, std::size_t copies) {
    StepPair pair{layout_of(copies), {}, {}};
    pair.base.resize(pair.layout.size_bytes());
    pair.next.resize(pair.layout.size_bytes());
    constexpr std::size_t kMatrices = std::size(kShapes);
    for (std::size_t index = 0; index < kMatrices; ++index) {
        Matrix matrix(kShapes[index], scenario.seed * 1000 + index);
        for (int step = 1; step < scenario.steps; ++step) matrix.step(step, scenario);
        matrix.cast(pair.base.data() + pair.layout.offset_bytes(index));
        matrix.step(scenario.steps, scenario);
        matrix.cast(pair.next.data() + pair.layout.offset_bytes(index));
        const std::size_t bytes = 2 * kShapes[index].rows * kShapes[index].columns;
        for (std::size_t copy = 1; copy < copies; ++copy) {
            const std::size_t to = pair.layout.offset_bytes(copy * kMatrices + index);
            const std::size_t from = pair.layout.offset_bytes(index);
            std::memcpy(pair.base.data() + to, pair.base.data() + from, bytes);
            std::memcpy(pair.next.data() + to, pair.next.data() + from, bytes);
        }
    }
    return pair;
}

}  // namespace dws
