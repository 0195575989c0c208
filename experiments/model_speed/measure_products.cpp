#include <fmt/format.h>

#include <stdexcept>

#include "experiments/model_speed/measurements.h"
#include "experiments/model_speed/product_trial.h"

namespace dws {
namespace {

// Both add in fp32, each in an order of its own; where this processor has no unit for bf16 ours
// leaves activations as they are.
constexpr double kMaxDifference = 1e-2;

// GB of weights a second, where reading them is what takes time.
std::string weights_per_s(const Product& product, double seconds) {
    constexpr int kFewRows = 32;
    return product.rows > kFewRows ? "-" : number(product.weight_bytes() / seconds / 1e9);
}

void measure(const Measurement& of, const Product& product, std::span<const Bf16> words,
             Table& table) {
    ProductTrial trial(product, words);
    const std::string name =
        fmt::format("{} {}, {} rows", product.matrix, name_of(product.kind), product.rows);
    std::vector<std::vector<double>> ours(of.threads.size()), onednn(of.threads.size());
    for (const int threads : of.threads) {
        trial.ours_s(threads);
        trial.onednn_s(threads);
    }
    for (int round = 0; round < of.rounds; ++round) {
        for (std::size_t index = 0; index < of.threads.size(); ++index) {
            ours[index].push_back(trial.ours_s(of.threads[index]));
            onednn[index].push_back(trial.onednn_s(of.threads[index]));
        }
    }
    const double difference = trial.difference();
    if (!(difference < kMaxDifference))
        throw std::runtime_error(fmt::format("{}: results differ by {}", name, difference));
    for (std::size_t index = 0; index < of.threads.size(); ++index) {
        const double ours_s = median_of(ours[index]);
        const double onednn_s = median_of(onednn[index]);
        table.add(
            {std::to_string(of.threads[index]), name, number(product.operations() / ours_s / 1e9),
             number(product.operations() / onednn_s / 1e9), number(onednn_s / ours_s),
             weights_per_s(product, ours_s), weights_per_s(product, onednn_s), number(difference),
             std::to_string(product.outputs), std::to_string(product.inputs)});
    }
}

}  // namespace

void measure_products(const Measurement& of) {
    const std::vector<Bf16> words =
        round_to_bf16(initial_weights(of.model, 1, Init::trained, of.threads.back()));
    Table table(of.results / "products.tsv", of.note,
                {"threads", "product", "ours_gflops", "onednn_gflops", "onednn_over_ours",
                 "ours_gb_s", "onednn_gb_s", "difference", "outputs", "inputs"});
    for (const Product& product : products_of(of.model, of.tokens)) {
        measure(of, product, words, table);
    }
}

}  // namespace dws
