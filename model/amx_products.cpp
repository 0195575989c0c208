#include "model/amx_products.h"

#include <algorithm>

#include "model/amx_blocked.h"
#include "model/amx_kernels.h"
#include "model/amx_skinny.h"

namespace dws {
namespace {

// Up to so many rows weights are not worth packing.
constexpr std::size_t kSkinnyRows = 64;
// k packed at a time where k is the vocabulary: 1024 rows of it are 8 MiB.
constexpr std::size_t kVocabularySteps = 128;

std::size_t panels_of(std::size_t count) { return (count + kPanelEdge - 1) / kPanelEdge; }

// A row-major matrix of activations or their gradients.
struct FloatMatrix {
    const float* values;
    std::size_t rows, columns;

    // From (32 * block_row, 32 * block_column) on.
    FloatBlock block(std::size_t block_row, std::size_t block_column) const {
        const std::size_t row = block_row * kPanelEdge, column = block_column * kPanelEdge;
        return {values + row * columns + column, columns, std::min(kPanelEdge, rows - row),
                std::min(kPanelEdge, columns - column)};
    }
};

// Results of rows that lie one behind the other.
class RowMajorProduct : public BlockedProduct {
public:
    RowMajorProduct(float* results, std::size_t columns) : results_(results), columns_(columns) {}

    float* row(std::size_t index) const override { return results_ + index * columns_; }

private:
    float* results_;
    std::size_t columns_;
};

// y = x W^T: x stays, outputs move, k is the inputs.
class Forward final : public RowMajorProduct {
public:
    Forward(const FloatMatrix& x, const Bf16* const* weights, float* y, std::size_t outputs)
        : RowMajorProduct(y, outputs), x_(x), weights_(weights) {}

    void pack_still(std::size_t panel, std::size_t step, Bf16* to) const override {
        pack_left_rows(x_.block(panel, step), to);
    }
    void pack_moving(std::size_t panel, std::size_t step, Bf16* to) const override {
        const std::size_t first = step * kPanelEdge;
        pack_right_rows(weights_ + panel * kPanelEdge, first,
                        std::min(kPanelEdge, x_.columns - first), to);
    }

private:
    FloatMatrix x_;
    const Bf16* const* weights_;
};

// dx = dy W: dy stays, inputs move, k is the outputs.
class InputGradient final : public RowMajorProduct {
public:
    InputGradient(const FloatMatrix& dy, const Bf16* const* weights, float* dx, std::size_t inputs)
        : RowMajorProduct(dx, inputs), dy_(dy), weights_(weights), inputs_(inputs) {}

    void pack_still(std::size_t panel, std::size_t step, Bf16* to) const override {
        pack_left_rows(dy_.block(panel, step), to);
    }
    void pack_moving(std::size_t panel, std::size_t step, Bf16* to) const override {
        const std::size_t first = panel * kPanelEdge;
        pack_right_columns(weights_ + step * kPanelEdge, first,
                           std::min(kPanelEdge, inputs_ - first), to);
    }

private:
    FloatMatrix dy_;
    const Bf16* const* weights_;
    std::size_t inputs_;
};

// dW += dy^T x: x stays, outputs move, k is the rows.
class WeightGradient final : public BlockedProduct {
public:
    WeightGradient(const FloatMatrix& dy, const FloatMatrix& x, float* const* gradients)
        : dy_(dy), x_(x), gradients_(gradients) {}

    void pack_still(std::size_t panel, std::size_t step, Bf16* to) const override {
        pack_right_columns(x_.block(step, panel), to);
    }
    void pack_moving(std::size_t panel, std::size_t step, Bf16* to) const override {
        pack_left_columns(dy_.block(step, panel), to);
    }
    float* row(std::size_t index) const override { return gradients_[index]; }

private:
    FloatMatrix dy_, x_;
    float* const* gradients_;
};

// Calls back each row's address, in order.
template <class Matrix, class Take>
void each_row(std::span<const Matrix> stack, std::size_t columns, Take take) {
    for (const Matrix& matrix : stack) {
        for (std::size_t row = 0; row < static_cast<std::size_t>(matrix.rows); ++row) {
            take(matrix, row * columns);
        }
    }
}

std::size_t rows_of(std::span<const WeightMatrix> weights) {
    std::size_t rows = 0;
    for (const WeightMatrix& matrix : weights) rows += static_cast<std::size_t>(matrix.rows);
    return rows;
}

}  // namespace

void AmxProducts::list_rows(std::span<const WeightMatrix> weights, std::size_t inputs) {
    if (zeros_.size() < inputs) zeros_.resize(inputs);
    weight_rows_.clear();
    each_row(weights, inputs, [&](const WeightMatrix& matrix, std::size_t offset) {
        weight_rows_.push_back(matrix.words + offset);
    });
    weight_rows_.resize(panels_of(weight_rows_.size()) * kPanelEdge, zeros_.data());
}

void AmxProducts::matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                         int inputs, Sum sum) {
    const FloatMatrix left{x, static_cast<std::size_t>(rows), static_cast<std::size_t>(inputs)};
    if (left.rows <= kSkinnyRows) {
        return skinny_amx_matmul(left.values, weights, y, left.rows, left.columns, sum, buffers_,
                                 threads_);
    }
    list_rows(weights, left.columns);
    const std::size_t outputs = rows_of(weights), steps = panels_of(left.columns);
    const BlockedShape shape{.still_panels = panels_of(left.rows),
                             .moving_panels = panels_of(outputs),
                             .steps = steps,
                             .steps_at_once = steps,
                             .is_still_left = true,
                             .lies_still_along_k = true,
                             .lies_moving_along_k = true,
                             .rows = left.rows,
                             .columns = outputs,
                             .adds = sum == Sum::kAdd};
    run_blocked(Forward(left, weight_rows_.data(), y, outputs), shape, buffers_, threads_);
}

void AmxProducts::input_gradient(const float* dy, std::span<const WeightMatrix> weights, float* dx,
                                 int rows, int inputs, Sum sum) {
    const std::size_t columns = static_cast<std::size_t>(inputs);
    list_rows(weights, columns);
    const FloatMatrix left{dy, static_cast<std::size_t>(rows), rows_of(weights)};
    const BlockedShape shape{.still_panels = panels_of(left.rows),
                             .moving_panels = panels_of(columns),
                             .steps = panels_of(left.columns),
                             .steps_at_once = kVocabularySteps,
                             .is_still_left = true,
                             .lies_still_along_k = true,
                             .lies_moving_along_k = false,
                             .rows = left.rows,
                             .columns = columns,
                             .adds = sum == Sum::kAdd};
    run_blocked(InputGradient(left, weight_rows_.data(), dx, columns), shape, buffers_, threads_);
}

void AmxProducts::weight_gradient(const float* dy, const float* x,
                                  std::span<const GradientMatrix> gradients, int rows, int inputs) {
    const FloatMatrix right{x, static_cast<std::size_t>(rows), static_cast<std::size_t>(inputs)};
    gradient_rows_.clear();
    each_row(gradients, right.columns, [&](const GradientMatrix& matrix, std::size_t offset) {
        gradient_rows_.push_back(matrix.values + offset);
    });
    const FloatMatrix left{dy, right.rows, gradient_rows_.size()};
    const std::size_t steps = panels_of(right.rows);
    const BlockedShape shape{.still_panels = panels_of(right.columns),
                             .moving_panels = panels_of(left.columns),
                             .steps = steps,
                             .steps_at_once = steps,
                             .is_still_left = false,
                             .lies_still_along_k = false,
                             .lies_moving_along_k = false,
                             .rows = left.columns,
                             .columns = right.columns,
                             .adds = true};
    run_blocked(WeightGradient(left, right, gradient_rows_.data()), shape, buffers_, threads_);
}

}  // namespace dws
