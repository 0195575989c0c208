// The model against Hugging Face transformers where rows are wide enough for rounding to show: four
// layers of D = 256, logits of 200 tokens (tests/golden/make_qwen3_mid.py).
//
// Largest error of a logit, relative to the largest logit of all tokens and words of the
// vocabulary, and error of all logits as one vector, relative to its length:
//
//   our fp32 products against transformers in fp32    0.0002 %
//   our bf16 products against our fp32 products       0.82 %    0.65 %
//   transformers in bf16 against its fp32             2.48 %    1.47 %
//   our bf16 products against transformers in bf16    2.34 %
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "model/bf16_products.h"
#include "tests/support/golden_file.h"

namespace dws {
namespace {

class Parity : public testing::Test {
protected:
    const GoldenFile file_{"qwen3_mid.safetensors"};
    const MidModel model_{file_};
    const std::vector<float> fp32_ = file_.array<float>("golden.logits");
    const std::vector<float> bf16_ = widened(file_.array<Bf16>("golden.bf16_logits"));

    static std::vector<float> widened(const std::vector<Bf16>& words) {
        std::vector<float> values(words.size());
        std::ranges::transform(words, values.begin(), from_bf16);
        return values;
    }

    std::vector<float> logits(Products products) const {
        TokenBatch batch{file_.array<std::int32_t>("golden.tokens"),
                         file_.array<std::int32_t>("golden.starts"),
                         {}};
        for (std::size_t row = 0; row < batch.tokens.size(); ++row) {
            batch.rows.push_back(static_cast<std::int32_t>(row));
        }
        const std::unique_ptr<Backend> backend = make_cpu_backend(1, products);
        const ActivationsPointer activations = make_activations();
        std::vector<float> logits(fp32_.size());
        forward(model_.config, model_.words, batch, *backend, *activations, logits);
        return logits;
    }

    // Beside the claim in the report of a run.
    double stated(const char* name, double error) const {
        RecordProperty(name, fmt::format("{:.2e}", error));
        return error;
    }
};

TEST_F(Parity, TheWeightsAreThoseOfTheScript) {
    const std::vector<Bf16> expected = file_.array<Bf16>("golden.first_words");
    const TensorLayout layout = weight_layout(model_.config);
    std::vector<Bf16> first_words;
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const Bf16* array = model_.words.data() + layout.offset_bytes(index) / sizeof(Bf16);
        first_words.insert(first_words.end(), array, array + 8);
    }
    EXPECT_EQ(first_words, expected);
}

TEST_F(Parity, Fp32LogitsAreThoseOfTransformers) {
    EXPECT_LT(stated("error", largest_error(logits(Products::fp32), fp32_)), 1e-5);
}

// How far bf16 may be away has one natural measure: how far the other implementation is, whose
// activations are bf16 everywhere. Ours are in the products, the keys and the values alone.
TEST_F(Parity, Bf16ProductsAreNearerToFp32ThanTransformersInBf16) {
    if (make_bf16_products(1) == nullptr) GTEST_SKIP() << "no bf16 matrix unit here";
    const std::vector<float> own = logits(Products::bf16);
    const std::vector<float> own_fp32 = logits(Products::fp32);
    const double theirs = stated("theirs", largest_error(bf16_, fp32_));
    EXPECT_LT(stated("own", largest_error(own, own_fp32)), theirs);
    const double their_vector = stated("their_vector", vector_error(bf16_, fp32_));
    EXPECT_LT(stated("own_vector", vector_error(own, own_fp32)), their_vector);
}

// No further than both are from fp32 together.
TEST_F(Parity, Bf16ProductsAreAsFarFromTransformersInBf16AsBothRound) {
    if (make_bf16_products(1) == nullptr) GTEST_SKIP() << "no bf16 matrix unit here";
    const std::vector<float> own = logits(Products::bf16);
    const double theirs = largest_error(bf16_, fp32_);
    EXPECT_LT(stated("error", largest_error(own, bf16_)), 2 * theirs);
}

}  // namespace
}  // namespace dws
