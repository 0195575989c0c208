// initial_weights(): random weights that are the same bits on every machine. Numbers are whole
// until the end, and then only multiplied: no logarithm, no sum that a compiler may fuse.
#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <string_view>

#include "model/weight_names.h"
#include "model/weights.h"

namespace dws {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): the counter-th number of a seed's stream.
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t counter) {
    std::uint64_t z = seed + (counter + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

constexpr std::int64_t kDeviation = 65536;  // of normal_number()

// Near enough to normal with mean 0, cut at 6 deviations: twelve uniform 16-bit numbers have a sum
// of variance 2^32 - 1.
std::int64_t normal_number(std::uint64_t seed, std::uint64_t element) {
    std::int64_t total = -6 * 65535;
    for (std::uint64_t draw = 0; draw < 3; ++draw) {
        const std::uint64_t bits = random_bits(seed, element * 3 + draw);
        for (int part = 0; part < 4; ++part) {
            total += static_cast<std::int64_t>(bits >> (16 * part) & 0xffff);
        }
    }
    return total;
}

double random_normal(std::uint64_t seed, std::uint64_t element) {
    return static_cast<double>(normal_number(seed, element)) / static_cast<double>(kDeviation);
}

// Log-normal in steps of an eighth of an octave; the logarithm's deviation is 0.3.
double random_scale(std::uint64_t seed, std::uint64_t element) {
    constexpr double kEighths[] = {1.0,
                                   1.0905077326652577,
                                   1.189207115002721,
                                   1.2968395546510096,
                                   1.4142135623730951,
                                   1.5422108254079407,
                                   1.681792830507429,
                                   1.8340080864093424};
    constexpr double kStepsPerDeviation = 3.462;  // 0.3 / ln 2 * 8
    const long steps = std::lround(random_normal(seed, element) * kStepsPerDeviation);
    return std::ldexp(kEighths[steps & 7], static_cast<int>(steps >> 3));
}

// One array of the model.
struct Drawing {
    const TensorSpec& spec;
    std::uint64_t seed;
    std::size_t index;        // of the array
    std::size_t first;        // element offset
    std::span<float> values;  // (elements of the array,)
    int threads;

    std::size_t rows() const { return static_cast<std::size_t>(spec.shape[0]); }
    std::size_t columns() const { return static_cast<std::size_t>(spec.shape[1]); }
    bool is_norm() const { return spec.shape.size() == 1; }
    bool is(const char* name) const { return spec.name.ends_with(name); }
};

void draw_plain(const ModelConfig& config, const Drawing& array) {
    if (array.is_norm()) {
        for (float& value : array.values) value = 1.0f;
        return;
    }
    double deviation = 1.0 / std::sqrt(static_cast<double>(array.columns()));
    if (array.is(kOutputName) || array.is(kDownName)) deviation /= std::sqrt(2.0 * config.layers);
#pragma omp parallel for schedule(static) num_threads(array.threads) if (array.threads > 1)
    for (std::size_t i = 0; i < array.values.size(); ++i) {
        array.values[i] =
            static_cast<float>(random_normal(array.seed, array.first + i) * deviation);
    }
}

// Of a trained model's matrix, before rows and columns are scaled, which adds a quarter.
double trained_deviation(const Drawing& array) {
    struct Kind {
        const char* name;
        double deviation;
    };
    constexpr Kind kKinds[] = {{kQueryName, 0.035},  {kKeyName, 0.04},   {kValueName, 0.025},
                               {kOutputName, 0.025}, {kGateName, 0.025}, {kUpName, 0.022},
                               {kDownName, 0.02}};
    for (const Kind& kind : kKinds) {
        if (array.is(kind.name)) return kind.deviation;
    }
    return 0.03;  // the embedding, and the head
}

float on_bf16_grid(double value) { return from_bf16(to_bf16(static_cast<float>(value))); }

// Made so that what a sync sees is like a released model's. Which bf16 words an optimizer step
// changes depends on the distance between neighbouring words, hence on |w|: with most weights
// between 2^-8 and 2^-4 and a tail of small ones, AdamW at a learning rate of 1e-6 changes 0.5 to 1
// % of the words a step, as is reported of GRPO on Qwen3-0.6B. Uneven rows and columns and a few
// large columns (outlier features, Dettmers et al. 2022, arXiv:2208.07339) make the tails heavier
// than a normal's. Released weights are bf16, so the masters start on its grid.
void draw_trained(const Drawing& array) {
    const std::uint64_t row_seed = random_bits(~array.seed, 2 * array.index);
    const std::uint64_t column_seed = random_bits(~array.seed, 2 * array.index + 1);
    if (array.is_norm()) {
        for (std::size_t i = 0; i < array.values.size(); ++i) {
            const std::int64_t near_one =
                16 * kDeviation + normal_number(array.seed, array.first + i);
            array.values[i] = on_bf16_grid(random_scale(row_seed, i) *
                                           (static_cast<double>(near_one) / (16.0 * kDeviation)));
        }
        return;
    }
    std::vector<double> column_scales(array.columns());
    for (std::size_t column = 0; column < column_scales.size(); ++column) {
        const bool is_large = random_bits(~column_seed, column) % 200 == 0;
        column_scales[column] = random_scale(column_seed, column) * (is_large ? 4 : 1);
    }
    const double deviation = trained_deviation(array);
#pragma omp parallel for schedule(static) num_threads(array.threads) if (array.threads > 1)
    for (std::size_t row = 0; row < array.rows(); ++row) {
        const double row_scale = random_scale(row_seed, row) * deviation;
        for (std::size_t column = 0; column < column_scales.size(); ++column) {
            const std::size_t i = row * column_scales.size() + column;
            array.values[i] = on_bf16_grid(row_scale * column_scales[column] *
                                           random_normal(array.seed, array.first + i));
        }
    }
}

}  // namespace

Init init_named(std::string_view name) {
    if (name == "plain") return Init::plain;
    if (name == "trained") return Init::trained;
    throw std::runtime_error(fmt::format("model.init is \"{}\"; it is plain or trained", name));
}

std::vector<float> initial_weights(const ModelConfig& config, std::uint64_t seed, Init init,
                                   int threads) {
    const TensorLayout layout = weight_layout(config);
    std::vector<float> values(layout.size_bytes() / sizeof(Bf16), 0.0f);
    for (std::size_t index = 0; index < layout.specs().size(); ++index) {
        const TensorSpec& spec = layout.specs()[index];
        const std::size_t first = layout.offset_bytes(index) / sizeof(Bf16);
        const Drawing array{
            spec, seed, index, first, std::span(values).subspan(first, spec.elements()), threads};
        if (init == Init::trained) {
            draw_trained(array);
        } else {
            draw_plain(config, array);
        }
    }
    return values;
}

}  // namespace dws
