// One matrix product of the model, by this project's backend and by oneDNN, on the same numbers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "experiments/model_speed/backends.h"
#include "experiments/model_speed/onednn_matmul.h"
#include "model/backend.h"

namespace dws {

enum class ProductKind { forward, input_gradient, weight_gradient };
std::string name_of(ProductKind kind);

struct Product {
    std::string matrix;  // "query"
    ProductKind kind;
    int rows, outputs, inputs;
    // Where the weights of this name lie in the flat array, one per layer: a pass goes through all
    // of them, as the model does, so that few rows find them in memory and not in a cache.
    std::vector<std::size_t> weights_at;

    double operations() const;    // of a pass: two per multiplication and addition
    double weight_bytes() const;  // of a pass
};

// The products of a training step with `rows` tokens (the head takes as many at a time as
// forward_backward() does), and those of decoding with 1, 8 and 32 sequences.
std::vector<Product> products_of(const ModelConfig& model, int rows);

class ProductTrial {
public:
    // words: (elements,) not owned, outlive this.
    ProductTrial(const Product& product, std::span<const Bf16> words);

    // Seconds of a pass. Ours begins with fp32 activations, as the model has them; oneDNN's has
    // them rounded to bf16 for it beforehand, outside of the time.
    double ours_s(int threads);
    double onednn_s(int threads);

    // The largest difference between the results of the newest two passes, as a share of the
    // largest number among them. Weight gradients add up: only after as many passes of each.
    double difference() const;

private:
    MatmulShape shape() const;

    const Product product_;
    const std::span<const Bf16> words_;
    Backends backends_;
    std::map<int, std::unique_ptr<OnednnMatmul>> onednn_;  // by number of threads
    std::vector<float> left_, right_;                      // x or dy, and x of a weight gradient
    std::vector<Bf16> left_bf16_, right_bf16_;
    std::vector<float> ours_, onednns_;  // of the last matrix
};

}  // namespace dws
