// Matrix products. In fp32 oneDNN's sgemm reaches 110-175 GFLOP/s per core from 128 rows on
// (AVX-512, the shapes of the tiny model); products of few rows go to skinny_matmul(). In bf16, and
// where the processor has a unit for it, all go to bf16_products_.
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include "base/require.h"
#include "model/cpu_backend.h"
#include "model/skinny_matmul.h"

namespace dws {
namespace {

constexpr int kSkinnyRows = 48;  // see skinny_matmul.h

int rows_of(std::span<const WeightMatrix> weights) {
    int rows = 0;
    for (const WeightMatrix& matrix : weights) rows += matrix.rows;
    return rows;
}

struct Operand {
    const float* values;
    char transposed;  // 'N' or 'T'
    int stride;
};

// c = a b, or += with kAdd. c: (m, n) with a row stride of n. oneDNN takes the number of threads
// from OpenMP's setting for the calling thread.
void sgemm(const Operand& a, const Operand& b, float* c, int m, int n, int k, Sum sum,
           int threads) {
    omp_set_num_threads(threads);
    const dnnl_status_t status =
        dnnl_sgemm(a.transposed, b.transposed, m, n, k, 1.0f, a.values, a.stride, b.values,
                   b.stride, sum == Sum::kAdd ? 1.0f : 0.0f, c, n);
    require(status == dnnl_success, "dnnl_sgemm accepts these sizes");
}

}  // namespace

CpuBackend::CpuBackend(int threads, Products products) : threads_(threads) {
    require(threads >= 1, "a backend has at least one thread");
    if (products == Products::bf16) bf16_products_ = make_bf16_products(threads);
}

std::unique_ptr<Backend> make_cpu_backend(int threads, Products products) {
    return std::make_unique<CpuBackend>(threads, products);
}

const float* CpuBackend::widen(std::span<const WeightMatrix> weights, int inputs) {
    const std::size_t columns = static_cast<std::size_t>(inputs);
    const std::size_t needed = static_cast<std::size_t>(rows_of(weights)) * columns;
    if (widened_.size() < needed) widened_.resize(needed);
    float* to = widened_.data();
    for (const WeightMatrix& matrix : weights) {
        const std::size_t count = static_cast<std::size_t>(matrix.rows) * columns;
#pragma omp parallel for schedule(static) num_threads(threads_) if (threads_ > 1)
        for (std::size_t i = 0; i < count; ++i) to[i] = from_bf16(matrix.words[i]);
        to += count;
    }
    return widened_.data();
}

void CpuBackend::matmul(const float* x, std::span<const WeightMatrix> weights, float* y, int rows,
                        int inputs, Sum sum) {
    if (rows == 0) return;
    if (bf16_products_) return bf16_products_->matmul(x, weights, y, rows, inputs, sum);
    const int outputs = rows_of(weights);
    if (rows > kSkinnyRows) {
        const Operand matrix{widen(weights, inputs), 'T', inputs};
        sgemm({x, 'N', inputs}, matrix, y, rows, outputs, inputs, sum, threads_);
        return;
    }
    for (const WeightMatrix& matrix : weights) {
        skinny_matmul(x, matrix, y, rows, inputs, outputs, sum, threads_);
        y += matrix.rows;
    }
}

void CpuBackend::matmul_input_gradient(const float* dy, std::span<const WeightMatrix> weights,
                                       float* dx, int rows, int inputs, Sum sum) {
    if (rows == 0) return;
    if (bf16_products_) return bf16_products_->input_gradient(dy, weights, dx, rows, inputs, sum);
    const int outputs = rows_of(weights);
    const Operand matrix{widen(weights, inputs), 'N', inputs};
    sgemm({dy, 'N', outputs}, matrix, dx, rows, inputs, outputs, sum, threads_);
}

void CpuBackend::matmul_weight_gradient(const float* dy, const float* x,
                                        std::span<const GradientMatrix> gradients, int rows,
                                        int inputs) {
    if (rows == 0) return;
    if (bf16_products_) return bf16_products_->weight_gradient(dy, x, gradients, rows, inputs);
    int outputs = 0;
    for (const GradientMatrix& gradient : gradients) outputs += gradient.rows;
    for (const GradientMatrix& gradient : gradients) {
        sgemm({dy, 'T', outputs}, {x, 'N', inputs}, gradient.values, gradient.rows, inputs, rows,
              Sum::kAdd, threads_);
        dy += gradient.rows;
    }
}

}  // namespace dws
