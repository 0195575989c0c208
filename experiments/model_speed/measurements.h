// What `./run bench model` measures: each of these fills tables of one folder. What is compared is
// measured in turn, round by round; tables hold medians over the rounds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/model_speed/peer_script.h"
#include "experiments/result_table.h"
#include "model/config.h"

namespace dws {

struct Measurement {
    ModelConfig model;
    int rounds;
    int tokens;                // of a training step
    std::vector<int> threads;  // ascending
    std::vector<int> batches;  // of a decoding step, ascending, the first is 1
    std::vector<int> contexts;
    std::filesystem::path results;
    std::string note;                 // first line of each table
    std::optional<PeerScript> torch;  // none: the table has this project's rows alone
    std::optional<PeerScript> llama;  // none: no such table
};

// What is aimed at, what was reached, and whether that is enough.
class Targets {
public:
    // reached and target in one unit, more is better.
    void add(const std::string& what, double reached, double target);
    // targets.tsv.
    void write(const Measurement& measurement) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

// training.tsv, operations.tsv: a training step in phases and by kind of work, beside PyTorch's.
void measure_training(const Measurement& measurement, Targets& targets);
// decode.tsv: decoding steps, beside reading the weights once. llama.tsv: the same by llama.cpp.
void measure_decoding(const Measurement& measurement, Targets& targets);
// products.tsv: single matrix products, beside oneDNN's.
void measure_products(const Measurement& measurement);

// By the middle of them; not empty.
double median_of(std::vector<double> values);

}  // namespace dws
