#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>

#include "experiments/model_speed/decode_trial.h"
#include "experiments/model_speed/llama_peer.h"
#include "experiments/model_speed/measured_model.h"
#include "experiments/model_speed/measurements.h"
#include "experiments/model_speed/peak_memory.h"
#include "experiments/model_speed/plain_read.h"
#include "experiments/model_speed/product_trial.h"
#include "experiments/model_speed/torch_peer.h"
#include "experiments/model_speed/training_trial.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

// A shell script in place of Python's; gone with this object.
class Script {
public:
    explicit Script(const std::string& content)
        : path_(fs::temp_directory_path() /
                ("model_speed_test_" + std::to_string(getpid()) + ".sh")) {
        std::ofstream(path_) << content;
    }
    ~Script() { fs::remove(path_); }
    PeerScript peer() const { return {"/bin/sh", path_}; }

private:
    const fs::path path_;
};

std::vector<Bf16> random_words(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<Bf16> words(count);
    for (Bf16& word : words) word = to_bf16(uniform(random));
    return words;
}

TEST(MeasuredModel, HasThePublishedNumberOfWeights) {
    EXPECT_EQ(WeightOffsets(qwen3_0_6b(28)).elements, 596'049'920u);
}

TEST(PlainRead, MissesNoWord) {
    for (const std::size_t count : {1u, 31u, 32u, 33u, 1'000u}) {
        std::vector<Bf16> words(count, 1);
        for (const int threads : {1, 2}) {
            for (const std::size_t ahead_bytes : kReadAheadBytes) {
                const std::uint64_t sum = sum_of_words(words, threads, ahead_bytes);
                for (std::size_t i = 0; i < count; ++i) {
                    words[i] = 2;
                    EXPECT_NE(sum_of_words(words, threads, ahead_bytes), sum)
                        << i << " of " << count;
                    words[i] = 1;
                }
            }
        }
    }
}

TEST(PeakMemory, IsThatSinceTheLastReset) {
    constexpr std::size_t kBytes = std::size_t{256} << 20;
    reset_peak_memory();
    const double before_mib = peak_memory_mib();
    const double held_mib = [] {
        const std::vector<char> touched(kBytes, 1);
        return peak_memory_mib() + 0.0 * touched.back();
    }();
    EXPECT_GT(held_mib, before_mib + 250);
    reset_peak_memory();
    if (peak_memory_mib() >= held_mib) GTEST_SKIP() << "this kernel does not reset the count";
    EXPECT_LT(peak_memory_mib(), before_mib + 50);
}

TEST(MedianOf, IsTheMiddleOne) { EXPECT_EQ(median_of({3, 1, 2}), 2); }

TEST(TimedBackend, ComputesWhatTheOneBeneathComputes) {
    const ModelConfig model = small_model();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(model, 1));
    const std::unique_ptr<Backend> plain = make_cpu_backend(1, Products::bf16);
    TimedBackend timed(*plain, model.vocab_size);
    const auto logits_by = [&](Backend& backend) {
        KvCache cache(model, 1, 8, 0, backend.cached_bytes());
        DecodeBuffers buffers;
        std::vector<float> logits(static_cast<std::size_t>(model.vocab_size));
        const NewTokens prompt{0, {1, 2, 3}};
        decode(model, words, std::span(&prompt, 1), backend, cache, buffers, logits);
        return logits;
    };
    EXPECT_EQ(logits_by(timed), logits_by(*plain));
    for (const Work work : {Work::products, Work::head, Work::attention, Work::pointwise}) {
        EXPECT_GT(timed.times().forward(work), 0);
        EXPECT_EQ(timed.times().backward(work), 0);
    }
    timed.reset();
    EXPECT_EQ(timed.times().all_forward_s(), 0);
}

TEST(TrainingTrial, PhasesAreNoMoreThanTheStep) {
    TrainingTrial trial(small_model(), 64, 2);
    for (const StepSetting form :
         {StepSetting{1, false}, StepSetting{2, false}, StepSetting{2, true}}) {
        const StepTimes times = trial.step(form);
        for (const double seconds :
             {times.forward_s, times.head_loss_s, times.backward_s, times.optimizer_s, times.cpu_s})
            EXPECT_GT(seconds, 0);
        EXPECT_LE(times.forward_s + times.head_loss_s + times.backward_s + times.optimizer_s,
                  times.total_s);
    }
}

TEST(TimedBackend, WhatIsComputedAgainBelongsToTheWayBack) {
    constexpr int kRows = 1, kInputs = 32, kOutputs = 16, kVocabulary = 48;
    const std::unique_ptr<Backend> plain = make_cpu_backend(1);
    TimedBackend timed(*plain, kVocabulary);
    const std::vector<Bf16> words(kVocabulary * kInputs, to_bf16(1));
    const std::vector<float> x(kInputs, 1);
    std::vector<float> y(kVocabulary), gradients(kOutputs * kInputs);
    const auto multiply = [&](int outputs) {
        const WeightMatrix weights[] = {{words.data(), outputs}};
        timed.matmul(x.data(), weights, y.data(), kRows, kInputs, Sum::kOverwrite);
    };
    multiply(kOutputs);
    const double there_s = timed.times().forward(Work::products);
    EXPECT_GT(there_s, 0);
    const GradientMatrix gradient[] = {{gradients.data(), kOutputs}};
    timed.matmul_weight_gradient(y.data(), x.data(), gradient, kRows, kInputs);
    const double back_s = timed.times().backward(Work::products);
    EXPECT_GT(back_s, 0);
    multiply(kOutputs);
    multiply(kVocabulary);
    EXPECT_EQ(timed.times().forward(Work::products), there_s);
    EXPECT_GT(timed.times().backward(Work::products), back_s);
    EXPECT_GT(timed.times().forward(Work::head), 0);
    EXPECT_EQ(timed.times().backward(Work::head), 0);
}

TEST(DecodeTrial, HasRoomForTheStepsItWasToldOf) {
    const ModelConfig model = small_model();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(model, 1));
    constexpr int kSequences = 3, kSteps = 10;
    DecodeTrial trial(model, words, {kSequences, 4, 2 * kSteps, 1});
    for (int step = 0; step < kSteps; ++step) {
        const DecodeTimes times = trial.step(2, 1 + step % 2);
        EXPECT_GT(times.step_s, 0);
        EXPECT_LE(times.work.all_forward_s(), times.step_s);
    }
}

// Element (row, column) of a matrix that may be stored transposed.
double at(const std::vector<Bf16>& words, int row, int column, int rows, int columns,
          bool is_transposed) {
    const int index = is_transposed ? column * rows + row : row * columns + column;
    return static_cast<double>(from_bf16(words[static_cast<std::size_t>(index)]));
}

TEST(OnednnMatmul, IsTheProductOfItsOperands) {
    constexpr int m = 5, n = 7, k = 9;
    const std::vector<Bf16> a = random_words(m * k, 1), b = random_words(k * n, 2);
    for (const MatmulShape& shape :
         {MatmulShape{m, n, k, false, true, false}, MatmulShape{m, n, k, false, false, false},
          MatmulShape{m, n, k, true, false, true}}) {
        std::unique_ptr<OnednnMatmul> matmul;
        try {
            matmul = std::make_unique<OnednnMatmul>(shape, 1);
        } catch (const std::runtime_error& error) {
            GTEST_SKIP() << error.what();
        }
        std::vector<float> c(m * n, 1);
        matmul->run(a.data(), b.data(), c.data());
        for (int row = 0; row < m; ++row) {
            for (int column = 0; column < n; ++column) {
                double expected = shape.adds ? 1 : 0;
                for (int i = 0; i < k; ++i) {
                    expected += at(a, row, i, m, k, shape.is_a_transposed) *
                                at(b, i, column, k, n, shape.is_b_transposed);
                }
                EXPECT_NEAR(c[static_cast<std::size_t>(row * n + column)], expected, 1e-5);
            }
        }
    }
}

TEST(ProductTrial, BothSidesComputeTheSame) {
    const ModelConfig model = small_model();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(model, 1));
    for (const Product& product : products_of(model, 64)) {
        ProductTrial trial(product, words);
        EXPECT_GT(trial.ours_s(2), 0);
        try {
            EXPECT_GT(trial.onednn_s(2), 0);
        } catch (const std::runtime_error& error) {
            GTEST_SKIP() << error.what();
        }
        EXPECT_LT(trial.difference(), 1e-2)
            << product.matrix << ' ' << name_of(product.kind) << ' ' << product.rows;
    }
}

TEST(TorchReport, IsFoundAmongOtherLines) {
    const TorchReport report = parse_torch_report(
        "a warning\nversions\tPyTorch 2, transformers 5\n"
        "step\t1\t1\t2\t3\t4\t10.5\t11\nstep\t2\t0.5\t1\t1.5\t2\t5.25\t9\npeak_mib\t100.5\n",
        2);
    EXPECT_EQ(report.versions, "PyTorch 2, transformers 5");
    EXPECT_EQ(report.peak_mib, 100.5);
    EXPECT_EQ(report.steps[0].optimizer_s, 4);
    EXPECT_EQ(report.steps[1].total_s, 5.25);
    EXPECT_EQ(report.steps[1].cpu_s, 9);
}

TEST(TorchReport, ThatIsNotWholeIsRefused) {
    const std::string versions = "versions\t1\n", peak = "peak_mib\t1\n";
    const std::string step = "step\t1\t1\t2\t3\t4\t10\t11\n";
    EXPECT_NO_THROW(parse_torch_report(versions + step + peak, 1));
    EXPECT_THROW(parse_torch_report(step + peak, 1), std::runtime_error);
    EXPECT_THROW(parse_torch_report(versions + step, 1), std::runtime_error);
    EXPECT_THROW(parse_torch_report(versions + step + peak, 2), std::runtime_error);
    EXPECT_THROW(parse_torch_report(versions + "step\t1\t1\t2\n" + peak, 1), std::runtime_error);
}

TEST(TorchPeer, IsToldTheModelsSizes) {
    const Script script(
        "printf 'versions\\t%s\\nstep\\t1\\t1\\t1\\t1\\t1\\t4\\t4\\npeak_mib\\t1\\n' \"$*\"\n");
    const TorchReport report = run_torch(script.peer(), small_model(), 64, "bf16", {1});
    EXPECT_EQ(report.versions,
              "--vocab 2048 --hidden 128 --layers 2 --query-heads 4 --key-heads 2 --head-size 32 "
              "--mlp 384 --optimizer bf16 --tokens 64 --threads 1");
}

TEST(TorchPeer, ThatFailsIsQuoted) {
    const Script script("echo no torch here\nexit 3\n");
    try {
        run_torch(script.peer(), small_model(), 64, "fp32", {1});
        FAIL() << "its exit status is 3";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("no torch here"), std::string::npos);
    }
}

TEST(LlamaReport, IsFoundAmongOtherLines) {
    const LlamaReport report = parse_llama_report(
        "0.1 I a log\nversions\tllama.cpp 1\ndecode\t2\t8\t128\t0.25\n0.2 I a log\n", 1);
    EXPECT_EQ(report.versions, "llama.cpp 1");
    EXPECT_EQ(report.steps[0].of, (DecodeCase{2, 8, 128}));
    EXPECT_EQ(report.steps[0].step_s, 0.25);
}

TEST(LlamaReport, ThatIsNotWholeIsRefused) {
    const std::string versions = "versions\t1\n", step = "decode\t1\t1\t128\t0.1\n";
    EXPECT_NO_THROW(parse_llama_report(versions + step, 1));
    EXPECT_THROW(parse_llama_report(step, 1), std::runtime_error);
    EXPECT_THROW(parse_llama_report(versions, 1), std::runtime_error);
    EXPECT_THROW(parse_llama_report(versions + "decode\t1\t1\n", 1), std::runtime_error);
}

TEST(LlamaPeer, IsToldItsCases) {
    const Script script("printf 'versions\\t%s\\ndecode\\t1\\t1\\t16\\t1\\n' \"${15} ${16}\"\n");
    EXPECT_EQ(run_llama(script.peer(), small_model(), {{1, 1, 16}}).versions, "--cases 1,1,16");
}

}  // namespace
}  // namespace dws
