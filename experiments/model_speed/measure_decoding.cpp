#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <utility>

#include "base/clock.h"
#include "base/huge_pages.h"
#include "base/require.h"
#include "experiments/model_speed/decode_trial.h"
#include "experiments/model_speed/llama_peer.h"
#include "experiments/model_speed/measurements.h"
#include "experiments/model_speed/peak_memory.h"
#include "experiments/model_speed/plain_read.h"

namespace dws {
namespace {

constexpr int kStepsPerRound = 3;  // of each batch and number of threads

// Median seconds of this project's steps.
using StepTimesOf = std::map<DecodeCase, double>;

struct Samples {
    std::vector<double> read_s[std::size(kReadAheadBytes)];  // the weights, once, each way
    std::map<int, std::vector<DecodeTimes>> steps;           // by batch
};

double median_step(const std::vector<DecodeTimes>& steps, auto value) {
    std::vector<double> values;
    for (const DecodeTimes& step : steps) values.push_back(value(step));
    return median_of(std::move(values));
}

double read_s(std::span<const Bf16> words, int threads, std::size_t ahead_bytes) {
    const Stopwatch stopwatch;
    require(sum_of_words(words, threads, ahead_bytes) != 0, "a model's weights are not all 0");
    return stopwatch.seconds();
}

// By the faster way.
double limit_s(const Samples& samples) {
    double least_s = median_of(samples.read_s[0]);
    for (const std::vector<double>& way : samples.read_s) {
        least_s = std::min(least_s, median_of(way));
    }
    return least_s;
}

void run_round(const Measurement& of, std::span<const Bf16> words, DecodeTrial& trial,
               std::map<int, Samples>& samples) {
    for (const int threads : of.threads) {
        Samples& own = samples[threads];
        for (const int batch : of.batches) {
            for (int step = 0; step < kStepsPerRound; ++step) {
                for (std::size_t way = 0; way < std::size(kReadAheadBytes); ++way) {
                    own.read_s[way].push_back(read_s(words, threads, kReadAheadBytes[way]));
                }
                own.steps[batch].push_back(trial.step(batch, threads));
            }
        }
    }
}

// As a worker holds them.
HugeVector<Bf16> held_words(const Measurement& of) {
    const std::vector<float> initial =
        initial_weights(of.model, 1, Init::trained, of.threads.back());
    HugeVector<Bf16> words(initial.size());
    std::ranges::transform(initial, words.begin(), to_bf16);
    return words;
}

// Of all rounds together, and of the steps that come before the first.
int tokens_of(const Measurement& of) {
    const int step = std::accumulate(of.batches.begin(), of.batches.end(), 0);
    return static_cast<int>(of.threads.size()) * step * (kStepsPerRound * of.rounds + 1);
}

void write_rows(const Measurement& of, int context, std::size_t weight_bytes,
                const std::map<int, Samples>& samples, Table& table, Targets& targets,
                StepTimesOf& step_times) {
    for (const int threads : of.threads) {
        const Samples& own = samples.at(threads);
        const double read_s = limit_s(own);
        double single_s = 0;
        for (const int batch : of.batches) {
            const std::vector<DecodeTimes>& steps = own.steps.at(batch);
            const double step_s = median_step(steps, [](const auto& step) { return step.step_s; });
            if (batch == 1) single_s = step_s;
            step_times[{threads, batch, context}] = step_s;
            const double speedup = batch * single_s / step_s;
            const auto share_ms = [&](Work work) {
                return number(1e3 * median_step(steps, [&](const DecodeTimes& step) {
                                  return step.work.forward(work);
                              }));
            };
            table.add(
                {std::to_string(threads), fmt::format("batch {}, context {}", batch, context),
                 number(1e3 * step_s), number(batch / step_s), number(1e3 * read_s),
                 number(100 * read_s / step_s), number(speedup), share_ms(Work::products),
                 share_ms(Work::head), share_ms(Work::attention), share_ms(Work::pointwise),
                 number(1e3 * median_step(steps, [](const auto& step) { return step.cpu_s; })),
                 number(static_cast<double>(weight_bytes) / read_s / 1e9),
                 number(peak_memory_mib()), std::to_string(of.model.layers)});
            const std::string where = fmt::format("context {}, {} threads", context, threads);
            if (batch == 1)
                targets.add("batch 1, % of the read limit, " + where, 100 * read_s / step_s, 80);
            if (batch == of.batches.back())
                targets.add(fmt::format("batch {} over batch 1, {}", batch, where), speedup, 8);
        }
    }
}

// llama.cpp reads prompts slowly without the newest instructions: cases that would take many
// minutes to fill are left out.
void measure_llama(const Measurement& of, const StepTimesOf& ours) {
    constexpr int kMaxPromptTokens = 5'000;
    std::vector<DecodeCase> cases;
    for (const auto& [one, step_s] : ours) {
        if (one.batch * one.context <= kMaxPromptTokens) cases.push_back(one);
    }
    if (cases.empty()) return;
    fmt::print("decoding: llama.cpp\n");
    std::fflush(stdout);
    const LlamaReport report = run_llama(*of.llama, of.model, cases);
    Table table(of.results / "llama.tsv", of.note,
                {"threads", "what", "step_ms", "tokens_per_s", "step_over_ours", "who"});
    for (const LlamaStep& step : report.steps) {
        table.add({std::to_string(step.of.threads),
                   fmt::format("batch {}, context {}", step.of.batch, step.of.context),
                   number(1e3 * step.step_s), number(step.of.batch / step.step_s),
                   number(step.step_s / ours.at(step.of)), report.versions});
    }
}

}  // namespace

void measure_decoding(const Measurement& of, Targets& targets) {
    reset_peak_memory();
    const HugeVector<Bf16> words = held_words(of);
    Table table(of.results / "decode.tsv", of.note,
                {"threads", "what", "step_ms", "tokens_per_s", "read_ms", "percent_of_limit",
                 "x_batch_1", "products_ms", "head_ms", "attention_ms", "pointwise_ms", "cpu_ms",
                 "read_gb_per_s", "peak_mib", "layers"});
    StepTimesOf step_times;
    for (const int context : of.contexts) {
        fmt::print("decoding: filling {} contexts of {} tokens\n", of.batches.back(), context);
        std::fflush(stdout);
        reset_peak_memory();
        DecodeTrial trial(of.model, words,
                          {of.batches.back(), context, tokens_of(of), of.threads.back()});
        for (const int threads : of.threads) {
            for (const int batch : of.batches) trial.step(batch, threads);  // makes room
        }
        std::map<int, Samples> samples;
        for (int round = 0; round < of.rounds; ++round) run_round(of, words, trial, samples);
        write_rows(of, context, words.size() * sizeof(Bf16), samples, table, targets, step_times);
    }
    if (of.llama) measure_llama(of, step_times);
}

}  // namespace dws
