#include "experiments/model_speed/product_trial.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "base/clock.h"
#include "base/require.h"

namespace dws {
namespace {

constexpr int kHeadRows = 512;           // PassOptions' default
constexpr std::size_t kLargeLayers = 4;  // many rows: enough to leave the caches
constexpr int kLargeRows = 256;

std::vector<float> random_values(int rows, int columns, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
    std::ranges::generate(values, [&] { return uniform(random); });
    return values;
}

struct Matrix {
    std::string name;
    int outputs, inputs;
    std::vector<std::size_t> at;
};

std::vector<Matrix> matrices_of(const ModelConfig& model) {
    const WeightOffsets offsets(model);
    const auto everywhere = [&](std::size_t LayerOffsets::*member) {
        std::vector<std::size_t> at;
        for (const LayerOffsets& layer : offsets.layers) at.push_back(layer.*member);
        return at;
    };
    const int hidden = model.hidden_size;
    const int queries = model.query_heads * model.head_size;
    return {{"query", queries, hidden, everywhere(&LayerOffsets::query)},
            {"key", model.key_heads * model.head_size, hidden, everywhere(&LayerOffsets::key)},
            {"output", hidden, queries, everywhere(&LayerOffsets::output)},
            {"gate", model.mlp_size, hidden, everywhere(&LayerOffsets::gate)},
            {"down", hidden, model.mlp_size, everywhere(&LayerOffsets::down)},
            {"head", model.vocab_size, hidden, {offsets.head}}};
}

Product product_of(const Matrix& matrix, ProductKind kind, int rows) {
    Product product{matrix.name, kind, rows, matrix.outputs, matrix.inputs, matrix.at};
    if (rows >= kLargeRows && product.weights_at.size() > kLargeLayers)
        product.weights_at.resize(kLargeLayers);
    return product;
}

}  // namespace

std::string name_of(ProductKind kind) {
    switch (kind) {
        case ProductKind::forward:
            return "forward";
        case ProductKind::input_gradient:
            return "input_gradient";
        case ProductKind::weight_gradient:
            return "weight_gradient";
    }
    require(false, "a product is of one of three kinds");
    return {};
}

double Product::operations() const {
    return 2.0 * rows * outputs * inputs * static_cast<double>(weights_at.size());
}

double Product::weight_bytes() const {
    return 2.0 * outputs * inputs * static_cast<double>(weights_at.size());
}

std::vector<Product> products_of(const ModelConfig& model, int rows) {
    std::vector<Product> products;
    for (const Matrix& matrix : matrices_of(model)) {
        const int at_once = matrix.name == "head" ? std::min(rows, kHeadRows) : rows;
        for (const ProductKind kind :
             {ProductKind::forward, ProductKind::input_gradient, ProductKind::weight_gradient}) {
            products.push_back(product_of(matrix, kind, at_once));
        }
        for (const int few : {1, 8, 32}) {
            products.push_back(product_of(matrix, ProductKind::forward, few));
        }
    }
    return products;
}

ProductTrial::ProductTrial(const Product& product, std::span<const Bf16> words)
    : product_(product), words_(words) {
    const bool is_forward = product.kind == ProductKind::forward;
    left_ = random_values(product.rows, is_forward ? product.inputs : product.outputs, 1);
    if (product.kind == ProductKind::weight_gradient)
        right_ = random_values(product.rows, product.inputs, 2);
    left_bf16_ = round_to_bf16(left_);
    right_bf16_ = round_to_bf16(right_);
    const MatmulShape result = shape();
    const std::size_t numbers =
        static_cast<std::size_t>(result.m) * static_cast<std::size_t>(result.n);
    ours_.resize(numbers);
    onednns_.resize(numbers);
}

MatmulShape ProductTrial::shape() const {
    const Product& p = product_;
    switch (p.kind) {
        case ProductKind::forward:
            return {p.rows, p.outputs, p.inputs, false, true, false};
        case ProductKind::input_gradient:
            return {p.rows, p.inputs, p.outputs, false, false, false};
        case ProductKind::weight_gradient:
            return {p.outputs, p.inputs, p.rows, true, false, true};
    }
    require(false, "a product is of one of three kinds");
    return {};
}

double ProductTrial::ours_s(int threads) {
    Backend& backend = backends_.with(threads);
    const Product& p = product_;
    const Stopwatch stopwatch;
    for (const std::size_t at : p.weights_at) {
        const WeightMatrix weights[] = {{words_.data() + at, p.outputs}};
        const GradientMatrix gradients[] = {{ours_.data(), p.outputs}};
        switch (p.kind) {
            case ProductKind::forward:
                backend.matmul(left_.data(), weights, ours_.data(), p.rows, p.inputs,
                               Sum::kOverwrite);
                break;
            case ProductKind::input_gradient:
                backend.matmul_input_gradient(left_.data(), weights, ours_.data(), p.rows, p.inputs,
                                              Sum::kOverwrite);
                break;
            case ProductKind::weight_gradient:
                backend.matmul_weight_gradient(left_.data(), right_.data(), gradients, p.rows,
                                               p.inputs);
                break;
        }
    }
    return stopwatch.seconds();
}

double ProductTrial::onednn_s(int threads) {
    std::unique_ptr<OnednnMatmul>& matmul = onednn_[threads];
    if (!matmul) matmul = std::make_unique<OnednnMatmul>(shape(), threads);
    const bool has_weights = product_.kind != ProductKind::weight_gradient;
    const Stopwatch stopwatch;
    for (const std::size_t at : product_.weights_at) {
        matmul->run(left_bf16_.data(), has_weights ? words_.data() + at : right_bf16_.data(),
                    onednns_.data());
    }
    return stopwatch.seconds();
}

double ProductTrial::difference() const {
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < ours_.size(); ++i) {
        largest = std::max(largest, std::fabs(static_cast<double>(onednns_[i])));
        difference = std::max(difference, std::fabs(static_cast<double>(ours_[i]) -
                                                    static_cast<double>(onednns_[i])));
    }
    return largest > 0 ? difference / largest : difference;
}

}  // namespace dws
