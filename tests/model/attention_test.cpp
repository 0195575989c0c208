// Attention over whole sequences against its definition in double precision, at lengths where
// blocks begin and end.
#include <gtest/gtest.h>

#include "tests/model/attention_case.h"

namespace dws {
namespace {

// One query's softmax over the keys it meets, and its log of the divisor.
struct Softmax {
    std::vector<double> weights;
    double log_total;
};

struct Reference {
    const AttentionCase& given;
    std::size_t first = 0, tokens = 0;  // of the sequence at work

    double head_at(std::size_t token, std::size_t column) const {
        return given.heads[(first + token) * given.shape.width() + column];
    }
    double dot(std::size_t a, std::size_t a_column, std::size_t b, std::size_t b_column) const {
        double total = 0;
        for (std::size_t d = 0; d < given.shape.size; ++d) {
            total += head_at(a, a_column + d) * head_at(b, b_column + d);
        }
        return total;
    }
    Softmax softmax(std::size_t head, std::size_t token) const {
        const double scale = 1 / std::sqrt(static_cast<double>(given.shape.size));
        std::vector<double> scores;
        for (std::size_t j = 0; j <= token; ++j) {
            scores.push_back(scale * dot(token, given.shape.query_at(head), j,
                                         given.shape.key_at(head / given.shape.group())));
        }
        const double top = *std::max_element(scores.begin(), scores.end());
        double total = 0;
        for (const double score : scores) total += std::exp(score - top);
        const double log_total = top + std::log(total);
        for (double& score : scores) score = std::exp(score - log_total);
        return {scores, log_total};
    }
};

// mixed, log_totals and, for the given d_mixed, d_heads.
AttentionResult expected(const AttentionCase& given) {
    const HeadShape& shape = given.shape;
    AttentionResult result(given);
    std::vector<double> d_heads(given.heads.size());
    const double scale = 1 / std::sqrt(static_cast<double>(shape.size));
    for (std::size_t sequence = 0; sequence + 1 < given.starts.size(); ++sequence) {
        const std::size_t first = static_cast<std::size_t>(given.starts[sequence]);
        const Reference reference{given, first,
                                  static_cast<std::size_t>(given.starts[sequence + 1]) - first};
        for (std::size_t head = 0; head < shape.queries; ++head) {
            const std::size_t key = shape.key_at(head / shape.group());
            const std::size_t value = shape.value_at(head / shape.group());
            const std::size_t query = shape.query_at(head);
            for (std::size_t t = 0; t < reference.tokens; ++t) {
                const Softmax own = reference.softmax(head, t);
                const std::size_t at = (first + t) * shape.query_width() + head * shape.size;
                result.log_totals[(first + t) * shape.queries + head] =
                    static_cast<float>(own.log_total);
                std::vector<double> mixed(shape.size), d_weights(t + 1);
                double mean = 0;
                for (std::size_t j = 0; j <= t; ++j) {
                    for (std::size_t d = 0; d < shape.size; ++d) {
                        const double v = reference.head_at(j, value + d);
                        mixed[d] += own.weights[j] * v;
                        d_weights[j] += v * given.d_mixed[at + d];
                        d_heads[(first + j) * shape.width() + value + d] +=
                            own.weights[j] * given.d_mixed[at + d];
                    }
                    mean += own.weights[j] * d_weights[j];
                }
                for (std::size_t j = 0; j <= t; ++j) {
                    const double d_score = own.weights[j] * (d_weights[j] - mean) * scale;
                    for (std::size_t d = 0; d < shape.size; ++d) {
                        d_heads[(first + t) * shape.width() + query + d] +=
                            d_score * reference.head_at(j, key + d);
                        d_heads[(first + j) * shape.width() + key + d] +=
                            d_score * reference.head_at(t, query + d);
                    }
                }
                std::copy(mixed.begin(), mixed.end(),
                          result.mixed.begin() + static_cast<std::ptrdiff_t>(at));
            }
        }
    }
    std::copy(d_heads.begin(), d_heads.end(), result.d_heads.begin());
    return result;
}

void expect_near(const AttentionResult& own, const AttentionResult& wanted, double bound) {
    EXPECT_LT(relative_error(own.mixed, wanted.mixed), bound);
    EXPECT_LT(relative_error(own.log_totals, wanted.log_totals), bound);
    EXPECT_LT(relative_error(own.d_heads, wanted.d_heads), bound);
}

struct Heads {
    int queries, keys, size;
};

class AttentionOfHeads : public testing::TestWithParam<Heads> {};

TEST_P(AttentionOfHeads, IsItsDefinition) {
    const auto [queries, keys, size] = GetParam();
    const AttentionCase given(queries, keys, size, {1, 15, 17, 63, 64, 65, 130}, 1.0f, 41);
    expect_near(run_attention(given, 1), expected(given), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionOfHeads,
                         testing::Values(Heads{4, 2, 16}, Heads{1, 1, 2}, Heads{2, 2, 24},
                                         Heads{4, 4, 64}, Heads{3, 1, 80}, Heads{5, 1, 8},
                                         Heads{8, 1, 32}, Heads{16, 8, 128}, Heads{2, 1, 136}),
                         [](const auto& shape) {
                             return std::to_string(shape.param.queries) + "x" +
                                    std::to_string(shape.param.keys) + "x" +
                                    std::to_string(shape.param.size);
                         });

// Longer than a stripe of keys and several blocks of queries.
TEST(Attention, LongSequencesMeetAllTheirKeys) {
    const AttentionCase given(2, 1, 16, {700, 1, 513}, 1.0f, 42);
    expect_near(run_attention(given, 2), expected(given), 1e-5);
}

// The running maximum grows by whole orders from block to block; a lost correction would show.
TEST(Attention, ScoresThatGrowAlongTheSequenceNeitherOverflowNorDrown) {
    AttentionCase given(2, 1, 16, {300}, 1.0f, 43);
    for (std::size_t token = 0; token < 300; ++token) {
        for (std::size_t d = 0; d < 48; ++d) {  // queries and keys
            float& number = given.heads[token * given.shape.width() + d];
            number = std::abs(number) * (d < 32 ? 2.0f : static_cast<float>(token) / 20);
        }
    }
    expect_near(run_attention(given, 1), expected(given), 1e-4);
}

TEST(Attention, AnyNumberOfThreadsGivesTheSameBits) {
    for (const AttentionCase& given : {AttentionCase(4, 2, 16, {61, 3, 40, 61}, 1.0f, 44),
                                       AttentionCase(4, 2, 64, {600}, 1.0f, 45)}) {
        const AttentionResult one = run_attention(given, 1);
        for (const int threads : {2, 3}) {
            const AttentionResult several = run_attention(given, threads);
            EXPECT_EQ(several.mixed, one.mixed) << threads;
            EXPECT_EQ(several.log_totals, one.log_totals) << threads;
            EXPECT_EQ(several.d_heads, one.d_heads) << threads;
        }
    }
}

TEST(Attention, ASequenceDoesNotDependOnItsNeighbours) {
    const AttentionCase both(4, 2, 16, {70, 90}, 1.0f, 46);
    AttentionCase alone(4, 2, 16, {90}, 1.0f, 46);
    const std::size_t width = both.shape.width(), mixed = both.shape.query_width();
    std::copy_n(both.heads.begin() + 70 * static_cast<std::ptrdiff_t>(width), 90 * width,
                alone.heads.begin());
    std::copy_n(both.d_mixed.begin() + 70 * static_cast<std::ptrdiff_t>(mixed), 90 * mixed,
                alone.d_mixed.begin());
    const AttentionResult together = run_attention(both, 1), own = run_attention(alone, 1);
    EXPECT_TRUE(std::equal(own.mixed.begin(), own.mixed.end(),
                           together.mixed.end() - static_cast<std::ptrdiff_t>(own.mixed.size())));
    EXPECT_TRUE(
        std::equal(own.d_heads.begin(), own.d_heads.end(),
                   together.d_heads.end() - static_cast<std::ptrdiff_t>(own.d_heads.size())));
}

TEST(Attention, EmptySequencesAreNoWork) {
    const AttentionCase given(4, 2, 16, {0, 5, 0}, 1.0f, 47);
    expect_near(run_attention(given, 1), expected(given), 1e-5);
}

}  // namespace
}  // namespace dws
