#include "trainer_bridge/adamw_cpu.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/require.h"

namespace dws {
namespace {

// Words handled at a time between the arithmetic, which vectorises, and the collecting of what
// changed, which does not: 2 KiB of buffers that stay in L1.
constexpr std::size_t kBlockWords = 512;

// Everything of one step that is the same for all words, in fp32.
struct Constants {
    float gradient_scale;
    float beta1, one_minus_beta1;
    float beta2, one_minus_beta2;
    float decay;           // 1 - lr lambda
    float step_size;       // lr / (1 - b1^t)
    float inverse_root_v;  // 1 / sqrt(1 - b2^t)
    float epsilon;
    float band;  // negative: every change of bits is published, -0 for +0 included
};

Constants constants_of(const AdamWOptions& options, const AdamWStep& step) {
    const double t = static_cast<double>(step.number);
    const double correction1 = 1 - std::pow(options.beta1, t);
    const double correction2 = 1 - std::pow(options.beta2, t);
    return {.gradient_scale = static_cast<float>(step.gradient_scale),
            .beta1 = static_cast<float>(options.beta1),
            .one_minus_beta1 = static_cast<float>(1 - options.beta1),
            .beta2 = static_cast<float>(options.beta2),
            .one_minus_beta2 = static_cast<float>(1 - options.beta2),
            .decay = static_cast<float>(1 - step.learning_rate * options.weight_decay),
            .step_size = static_cast<float>(step.learning_rate / correction1),
            .inverse_root_v = static_cast<float>(1 / std::sqrt(correction2)),
            .epsilon = static_cast<float>(options.epsilon),
            .band = options.dead_band > 0 ? static_cast<float>(options.dead_band) : -1.0f};
}

void update(const Constants& c, std::size_t words, const float* __restrict gradients,
            float* __restrict master, float* __restrict first_moment,
            float* __restrict second_moment) {
    for (std::size_t i = 0; i < words; ++i) {
        const float gradient = c.gradient_scale * gradients[i];
        const float m = c.beta1 * first_moment[i] + c.one_minus_beta1 * gradient;
        const float v = c.beta2 * second_moment[i] + c.one_minus_beta2 * gradient * gradient;
        const float denominator = std::sqrt(v) * c.inverse_root_v + c.epsilon;
        first_moment[i] = m;
        second_moment[i] = v;
        master[i] = c.decay * master[i] - c.step_size * (m / denominator);
    }
}

// candidates: what each word would become; publishes: 1 where it does. Returns how many do.
std::size_t compare(float band, std::size_t words, const float* __restrict master,
                    const Bf16* __restrict published, Bf16* __restrict candidates,
                    std::uint16_t* __restrict publishes) {
    std::uint32_t changes = 0;
    for (std::size_t i = 0; i < words; ++i) {
        const Bf16 candidate = to_bf16(master[i]);
        // A NaN is never within the band, so it is published and seen.
        const bool is_held_back = std::fabs(master[i] - from_bf16(published[i])) <= band;
        const bool is_change = (candidate != published[i]) & !is_held_back;
        candidates[i] = candidate;
        publishes[i] = is_change ? 1 : 0;
        changes += is_change ? 1u : 0u;
    }
    return changes;
}

// first: element offset of the tile.
TileChanges step_tile(const Constants& constants, std::size_t first, std::size_t words,
                      std::span<const float> gradients, AdamWState& state) {
    TileChanges changes;
    Bf16 candidates[kBlockWords];
    std::uint16_t publishes[kBlockWords];
    for (std::size_t begin = 0; begin < words; begin += kBlockWords) {
        const std::size_t size = std::min(kBlockWords, words - begin);
        const std::size_t at = first + begin;
        Bf16* const published = state.published.data() + at;
        update(constants, size, gradients.data() + at, state.master.data() + at,
               state.first_moment.data() + at, state.second_moment.data() + at);
        if (compare(constants.band, size, state.master.data() + at, published, candidates,
                    publishes) == 0) {
            continue;
        }
        for (std::size_t i = 0; i < size; ++i) {
            if (publishes[i] == 0) continue;
            changes.positions.push_back(static_cast<std::uint16_t>(begin + i));
            changes.before.push_back(published[i]);
            changes.after.push_back(candidates[i]);
            published[i] = candidates[i];
        }
    }
    return changes;
}

}  // namespace

AdamWState::AdamWState(std::vector<float> initial)
    : master(std::move(initial)),
      first_moment(master.size()),
      second_moment(master.size()),
      published(round_to_bf16(master)) {}

Changes adamw_step(const ArrayTable& table, const AdamWOptions& options, const AdamWStep& step,
                   std::span<const float> gradients, AdamWState& state, int threads) {
    const std::size_t elements = table.layout().size_bytes() / sizeof(Bf16);
    require(gradients.size() == elements && state.master.size() == elements,
            "gradients and master have the table's elements");
    require(step.number >= 1 && threads >= 1, "steps count from 1, and somebody has to work");
    const Constants constants = constants_of(options, step);

    const int tiles = static_cast<int>(table.tiles());
    std::vector<TileChanges> found(table.tiles());
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int index = 0; index < tiles; ++index) {
        const Tile tile = table.tile(static_cast<std::size_t>(index));
        require(tile.word_bytes == sizeof(Bf16), "the optimizer updates bf16 arrays");
        found[static_cast<std::size_t>(index)] =
            step_tile(constants, tile.offset_bytes / sizeof(Bf16), tile.words, gradients, state);
    }

    Changes changes;
    for (std::size_t index = 0; index < found.size(); ++index) {
        if (found[index].size() == 0) continue;
        changes.emplace_hint(changes.end(), index, std::move(found[index]));
    }
    return changes;
}

}  // namespace dws
