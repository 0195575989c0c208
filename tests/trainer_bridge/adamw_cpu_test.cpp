#include "trainer_bridge/adamw_cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>
#include <string>

#include "base/safetensors.h"
#include "sync/codec/compact.h"
#include "sync/codec/compact_cut.h"
#include "sync/digest.h"

namespace dws {
namespace {

// Three arrays, so that there are gaps, and one of them is longer than a tile.
ArrayTable table_of(std::size_t words) {
    Result<ArrayTable> table = ArrayTable::make(TensorLayout({
        {"first", DType::kBF16, {7}},
        {"second", DType::kBF16, {static_cast<std::int64_t>(words)}},
        {"third", DType::kBF16, {3, 5}},
    }));
    return std::move(*table);
}

std::size_t elements_of(const ArrayTable& table) { return table.layout().size_bytes() / 2; }

std::vector<float> floats_of(const TensorView& view) {
    std::vector<float> values(view.data.size() / sizeof(float));
    std::memcpy(values.data(), view.data.data(), view.data.size());
    return values;
}

// Random values in the arrays, zeros in the gaps.
std::vector<float> random_values(const ArrayTable& table, float scale, std::mt19937& random) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> values(elements_of(table));
    for (std::size_t index = 0; index < table.tiles(); ++index) {
        const Tile tile = table.tile(index);
        for (std::size_t word = 0; word < tile.words; ++word) {
            values[tile.offset_bytes / 2 + word] = normal(random);
        }
    }
    return values;
}

Bytes bytes_of_words(const std::vector<Bf16>& words) {
    const auto bytes = std::as_bytes(std::span(words));
    return {bytes.begin(), bytes.end()};
}

void expect_equal(const Changes& found, const Changes& expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [tile, changes] : expected) {
        ASSERT_TRUE(found.contains(tile)) << tile;
        EXPECT_EQ(found.at(tile).positions, changes.positions);
        EXPECT_EQ(found.at(tile).before, changes.before);
        EXPECT_EQ(found.at(tile).after, changes.after);
    }
}

TEST(AdamW, EqualsTorchOverTwentySteps) {
    std::ifstream stream(SOURCE_ROOT "/tests/golden/adamw.safetensors", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const Result<SafetensorsView> file = SafetensorsView::parse(bytes_of(text));
    ASSERT_TRUE(file);
    const std::vector<float> initial = floats_of(*file->find("param0"));
    const std::vector<float> gradients = floats_of(*file->find("grad_steps"));
    const std::vector<float> expected = floats_of(*file->find("param_after"));
    const auto number = [&](const char* name) { return std::stod(file->metadata().at(name)); };

    const std::size_t elements = initial.size();
    Result<ArrayTable> table = ArrayTable::make(
        TensorLayout({{"p", DType::kBF16, {static_cast<std::int64_t>(elements)}}}));
    std::vector<float> padded = initial;
    padded.resize(elements_of(*table));
    AdamWState state(padded);
    const AdamWOptions options{number("beta1"), number("beta2"), number("eps"),
                               number("weight_decay"), 0};
    for (std::size_t step = 0; step < gradients.size() / elements; ++step) {
        std::vector<float> gradient(gradients.begin() + std::ptrdiff_t(step * elements),
                                    gradients.begin() + std::ptrdiff_t((step + 1) * elements));
        gradient.resize(padded.size());
        adamw_step(*table, options, {std::int64_t(step) + 1, number("lr"), 1}, gradient, state, 1);
        float error = 0, largest = 0;
        for (std::size_t i = 0; i < elements; ++i) {
            const float torch = expected[step * elements + i];
            error = std::max(error, std::fabs(state.master[i] - torch));
            largest = std::max(largest, std::fabs(torch));
        }
        ASSERT_LE(error, 1e-6f * largest) << "step " << step;
    }
}

TEST(AdamW, ScalesTheGradientBeforeTheMoments) {
    const ArrayTable table = table_of(100);
    std::mt19937 random(3);
    const std::vector<float> initial = random_values(table, 0.1f, random);
    std::vector<float> gradients = random_values(table, 1, random);
    AdamWState scaled(initial), plain(initial);
    adamw_step(table, {}, {1, 1e-3, 0.25}, gradients, scaled, 1);
    for (float& gradient : gradients) gradient *= 0.25f;
    adamw_step(table, {}, {1, 1e-3, 1}, gradients, plain, 1);
    EXPECT_EQ(scaled.master, plain.master);
    EXPECT_EQ(scaled.second_moment, plain.second_moment);
}

struct ChangesOfSteps : ::testing::TestWithParam<double> {};

// The changes are those of the published words and no others, whatever the dead-band, and the
// number of threads is nobody's business.
TEST_P(ChangesOfSteps, AreTheDifferenceOfThePublishedWords) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const ArrayTable table = table_of(2 * kTileWords + 777);
    AdamWState one(random_values(table, 0.05f, random));
    AdamWState two = one;
    const AdamWOptions options{.dead_band = GetParam()};
    std::uint64_t changed = 0;
    for (std::int64_t step = 1; step <= 12; ++step) {
        const std::vector<float> gradients = random_values(table, 1, random);
        const Bytes before = bytes_of_words(one.published);
        const Changes changes = adamw_step(table, options, {step, 3e-4, 1}, gradients, one, 1);
        expect_equal(changes, diff(table, before, bytes_of_words(one.published)));
        expect_equal(adamw_step(table, options, {step, 3e-4, 1}, gradients, two, 2), changes);
        changed += count(changes);
    }
    EXPECT_EQ(one.published, two.published);
    EXPECT_EQ(one.master, two.master);
    EXPECT_GT(changed, 0u);
}
// The step's files, read as a follower reads them.
Changes decoded(const ArrayTable& table, const EncodedStep& step, const Bytes& base) {
    Changes changes;
    const FileSink sink = [&](const Bytes& file) {
        return bool(decode_compact(table, file, 1, 0, base, changes));
    };
    CompactCutter cutter(table, {1, 0}, step.classes, 10'000, sink);
    for (const CompactBody& run : step.runs) {
        EXPECT_TRUE(cutter.add(run));
    }
    EXPECT_TRUE(cutter.finish());
    return changes;
}

// A publisher that is idle gets what one that is busy gets, only encoded.
TEST_P(ChangesOfSteps, AreTheSameWhenTheyAreEncodedOnTheWay) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const ArrayTable table = table_of(9 * kTileWords + 777);
    const AdamWState initial(random_values(table, 0.05f, random));
    const AdamWOptions options{.dead_band = GetParam()};
    for (const Encoding encoding : {Encoding::flat, Encoding::classes, Encoding::smallest}) {
        AdamWState listed = initial, one = initial, two = initial;
        StepEncoder encoder(table, encoding, 1), encoder_of_two(table, encoding, 2);
        for (std::int64_t step = 1; step <= 6; ++step) {
            const std::vector<float> gradients = random_values(table, 1, random);
            const Bytes base = bytes_of_words(one.published);
            const AdamWStep what{step, 3e-4, 1};
            const Changes changes = adamw_step(table, options, what, gradients, listed, 2);
            const EncodedStep encoded =
                adamw_step(table, options, what, gradients, one, 1, encoder);
            const EncodedStep shared =
                adamw_step(table, options, what, gradients, two, 2, encoder_of_two);
            expect_equal(decoded(table, encoded, base), changes);
            Digest change;
            for (const auto& [tile, of_tile] : changes) {
                change += digest_change(table, tile, of_tile);
            }
            EXPECT_EQ(encoded.change, change);
            EXPECT_EQ(count(encoded), count(changes));
            EXPECT_EQ(shared.change, change);
            EXPECT_EQ(shared.classes, encoded.classes);
            ASSERT_EQ(shared.runs.size(), encoded.runs.size());
            for (std::size_t run = 0; run < encoded.runs.size(); ++run) {
                EXPECT_EQ(shared.runs[run].tiles, encoded.runs[run].tiles);
            }
        }
        EXPECT_EQ(one.published, listed.published);
        EXPECT_EQ(one.master, listed.master);
        EXPECT_EQ(two.published, listed.published);
    }
}

INSTANTIATE_TEST_SUITE_P(DeadBands, ChangesOfSteps, ::testing::Values(0.0, 5e-4));

TEST(AdamW, WithoutDeadBandPublishesTheRoundedMaster) {
    const ArrayTable table = table_of(5'000);
    std::mt19937 random(11);
    AdamWState state(random_values(table, 1e-3f, random));
    for (std::int64_t step = 1; step <= 10; ++step) {
        adamw_step(table, {}, {step, 1e-3, 1}, random_values(table, 1, random), state, 1);
        ASSERT_EQ(state.published, round_to_bf16(state.master));
    }
}

TEST(AdamW, DeadBandHoldsBackAndNeverLoses) {
    const ArrayTable table = table_of(5'000);
    std::mt19937 random(12);
    AdamWState state(random_values(table, 0.05f, random));
    const float band = 1e-3f;
    std::size_t held_back = 0;
    for (std::int64_t step = 1; step <= 60; ++step) {
        const Changes changes = adamw_step(table, {.dead_band = 1e-3}, {step, 3e-4, 1},
                                           random_values(table, 1, random), state, 1);
        for (std::size_t i = 0; i < state.master.size(); ++i) {
            const float published = from_bf16(state.published[i]);
            const bool is_rounded = state.published[i] == to_bf16(state.master[i]);
            ASSERT_TRUE(is_rounded || std::fabs(state.master[i] - published) <= band) << i;
            held_back += is_rounded ? 0 : 1;
        }
        // A word starts at most 2^-11 from its master, and one step moves that by 3e-4.
        if (step == 1) {
            EXPECT_EQ(count(changes), 0u);
        }
    }
    EXPECT_GT(held_back, 0u);
}

TEST(AdamW, ANegativeZeroIsAChangeWithoutDeadBand) {
    const ArrayTable table = table_of(10);
    AdamWState state(std::vector<float>(elements_of(table), 0.0f));
    state.published[0] = 0x8000;  // the old word, -0.0
    const std::vector<float> gradients(elements_of(table), 0.0f);
    const Changes changes = adamw_step(table, {}, {1, 1e-3, 1}, gradients, state, 1);
    ASSERT_EQ(count(changes), 1u);
    EXPECT_EQ(changes.at(0).before, std::vector<std::uint32_t>{0x8000});
    EXPECT_EQ(changes.at(0).after, std::vector<std::uint32_t>{0});
}

// The step rounds with code of its own; these are the cases where rounding goes wrong.
TEST(AdamW, RoundsExactlyAsTheModelDoes) {
    const std::vector<float> hard = {1.0f,
                                     1.00390625f,
                                     1.01171875f,
                                     -1.00390625f,
                                     3.3895314e38f,
                                     -3.4e38f,
                                     1e-40f,
                                     -1e-45f,
                                     std::numeric_limits<float>::infinity(),
                                     std::numeric_limits<float>::quiet_NaN()};
    const ArrayTable table = table_of(hard.size());
    const std::size_t first = table.layout().offset_bytes(1) / 2;
    AdamWState state(std::vector<float>(elements_of(table), 0.0f));
    std::copy(hard.begin(), hard.end(), state.master.begin() + std::ptrdiff_t(first));
    const std::vector<float> gradients(elements_of(table), 0.0f);
    adamw_step(table, {}, {1, 0, 1}, gradients, state, 1);
    for (std::size_t i = 0; i < hard.size(); ++i) {
        EXPECT_EQ(state.published[first + i], to_bf16(state.master[first + i])) << hard[i];
    }
}

}  // namespace
}  // namespace dws
