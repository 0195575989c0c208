// The reinforcement loss and its gradient against PyTorch's autograd of the same formula, on logits
// given (tests/golden/make_grpo.py, "rows") and through a model of four layers ("model").
//
// Largest error relative to the largest element, over the three corrections: 5e-7 of the gradient
// of the logits, 4e-6 of that of a parameter. By bf16 products all parameters' gradients as one
// vector are 0.9 to 1.1 % away, those of PyTorch in bf16 1.6 to 1.9 %.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/backward.h"
#include "model/bf16_products.h"
#include "tests/support/golden_file.h"
#include "trainer_bridge/grpo.h"

namespace dws {
namespace {

constexpr std::size_t kSamples = 256;

const GoldenFile& golden() {
    static const GoldenFile file("grpo.safetensors");
    return file;
}

TrainingBatch batch_of(const std::string& name) {
    const GoldenFile& file = golden();
    TrainingBatch batch;
    if (file.has(name + ".tokens")) {
        batch.input = {file.array<std::int32_t>(name + ".tokens"),
                       file.array<std::int32_t>(name + ".starts"),
                       file.array<std::int32_t>(name + ".rows")};
    }
    batch.targets = file.array<std::int32_t>(name + ".targets");
    batch.behaviour_logprobs = file.array<float>(name + ".behaviour_logprobs");
    batch.advantages = file.array<float>(name + ".advantages");
    for (const std::int32_t rule : file.array<std::int32_t>(name + ".rule_of_row")) {
        batch.rule_of_row.push_back(static_cast<std::size_t>(rule));
    }
    for (const float temperature : file.array<float>(name + ".temperatures")) {
        const std::string allowed = name + ".allowed." + std::to_string(batch.rules.size());
        batch.rules.push_back(
            {file.has(allowed) ? file.array<std::int32_t>(allowed) : std::vector<std::int32_t>(),
             temperature});
    }
    return batch;
}

double total_tokens_of(const std::string& name) {
    return golden().array<double>(name + ".total_tokens").front();
}

GrpoOptions options_of(const std::string& name) {
    return {.correction = correction(name),
            .ratio_max = std::stod(golden().text("ratio_max")),
            .ratio_clip = std::stod(golden().text("ratio_clip"))};
}

void expect_metrics(const GrpoMetrics& own, const std::string& name) {
    const std::vector<double> expected = golden().array<double>(name + ".metrics");
    const std::array metrics{own.loss, own.ratio, own.kl, own.entropy, own.at_cap};
    ASSERT_EQ(expected.size(), metrics.size());
    for (std::size_t index = 0; index < metrics.size(); ++index) {
        EXPECT_NEAR(metrics[index], expected[index], 1e-4 * std::abs(expected[index])) << index;
    }
}

class GrpoGolden : public testing::TestWithParam<std::string> {
protected:
    // Of every parameter, in the flat array's order, at the elements that the script names.
    struct Gradients {
        std::vector<std::string> names;
        std::vector<std::vector<float>> samples;
        std::vector<double> norms;
        GrpoMetrics metrics;
    };

    static Gradients gradients(const std::string& name, Products products) {
        const MidModel model(golden());
        const TrainingBatch batch = batch_of("model");
        const std::unique_ptr<Backend> backend = make_cpu_backend(1, products);
        const ActivationsPointer activations = make_activations();
        std::vector<float> flat(model.words.size(), 0.0f);
        Gradients found;
        const LossChunk loss = [&](std::size_t first_row, std::span<const float> logits,
                                   std::span<float> d_logits) {
            const std::size_t rows =
                logits.size() / static_cast<std::size_t>(model.config.vocab_size);
            grpo_loss(options_of(name), batch, total_tokens_of("model"), logits, d_logits,
                      found.metrics, {first_row, rows});
        };
        forward_backward(model.config, model.words, batch.input, *backend, *activations,
                         {.logit_rows = 16}, loss, flat);

        const TensorLayout layout = weight_layout(model.config);
        for (std::size_t index = 0; index < layout.specs().size(); ++index) {
            const TensorSpec& spec = layout.specs()[index];
            const auto array =
                std::span(flat).subspan(layout.offset_bytes(index) / sizeof(Bf16), spec.elements());
            const std::size_t step = std::max<std::size_t>(1, array.size() / kSamples);
            std::vector<float>& samples = found.samples.emplace_back();
            for (std::size_t i = 0; i < array.size() && samples.size() < kSamples; i += step) {
                samples.push_back(array[i]);
            }
            double squares = 0;
            for (const float value : array) squares += static_cast<double>(value) * value;
            found.norms.push_back(std::sqrt(squares));
            found.names.push_back(spec.name);
        }
        return found;
    }

    // Beside the claim in the report of a run.
    static double stated(const char* name, double error) {
        RecordProperty(name, fmt::format("{:.2e}", error));
        return error;
    }

    static std::vector<float> joined(const std::vector<std::vector<float>>& samples) {
        std::vector<float> all;
        for (const auto& one : samples) all.insert(all.end(), one.begin(), one.end());
        return all;
    }
};

TEST_P(GrpoGolden, LossAndGradientOfLogitsAreThoseOfTorch) {
    const TrainingBatch batch = batch_of("rows");
    const std::vector<float> logits = golden().array<float>("rows.logits");
    std::vector<float> d_logits(logits.size(), 99);
    GrpoMetrics metrics;
    grpo_loss(options_of(GetParam()), batch, total_tokens_of("rows"), logits, d_logits, metrics);
    expect_metrics(metrics, "rows." + GetParam());
    const std::vector<float> expected = golden().array<float>("rows." + GetParam() + ".d_logits");
    EXPECT_LT(stated("error", largest_error(d_logits, expected)), 1e-5);
}

TEST_P(GrpoGolden, GradientsOfEveryParameterAreThoseOfTorch) {
    const Gradients own = gradients(GetParam(), Products::fp32);
    expect_metrics(own.metrics, "model." + GetParam());
    const std::vector<float> norms = golden().array<float>("model." + GetParam() + ".norms");
    const std::vector<float> all = golden().array<float>("model." + GetParam() + ".samples");
    ASSERT_EQ(norms.size(), own.norms.size());
    ASSERT_EQ(all.size(), joined(own.samples).size());
    std::span<const float> rest = all;
    double largest = 0;
    for (std::size_t index = 0; index < own.names.size(); ++index) {
        const double norm = static_cast<double>(norms[index]);
        EXPECT_NEAR(own.norms[index], norm, 1e-4 * norm) << own.names[index];
        const std::vector<float>& samples = own.samples[index];
        const double error = largest_error(samples, rest.first(samples.size()));
        EXPECT_LT(error, 1e-4) << own.names[index];
        largest = std::max(largest, error);
        rest = rest.subspan(samples.size());
    }
    stated("error", largest);
}

TEST_P(GrpoGolden, GradientsByBf16ProductsAreNearerThanThoseOfTorchInBf16) {
    if (make_bf16_products(1) == nullptr) GTEST_SKIP() << "no bf16 matrix unit here";
    const std::vector<float> own = joined(gradients(GetParam(), Products::bf16).samples);
    const std::vector<float> fp32 = golden().array<float>("model." + GetParam() + ".samples");
    const std::vector<float> theirs =
        golden().array<float>("model." + GetParam() + ".bf16_samples");
    ASSERT_EQ(own.size(), fp32.size());
    EXPECT_LT(stated("own", vector_error(own, fp32)), stated("theirs", vector_error(theirs, fp32)));
}

INSTANTIATE_TEST_SUITE_P(Corrections, GrpoGolden, testing::Values("truncated", "clipped", "off"),
                         [](const auto& variant) { return variant.param; });

}  // namespace
}  // namespace dws
