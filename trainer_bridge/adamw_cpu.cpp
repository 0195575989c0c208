#include "trainer_bridge/adamw_cpu.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "base/require.h"
#include "sync/codec/bit_positions.h"
#include "sync/codec/compact_kernels.h"

namespace dws {
namespace {

// Words handled at a time between the arithmetic and the search for what changed: what both touch
// stays in L1.
constexpr std::size_t kStepWords = 512;

// Of each array, asked for before the search: 768 bytes, what memory sends while it runs.
constexpr std::size_t kLinesAhead = 12;

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

// The new word of a master, or the old one while it is held back.
template <bool HasBand>
Bf16 next_word(float band, float master, Bf16 old) {
    if constexpr (!HasBand) return to_bf16(master);
    // A NaN is never within the band, so it is published and seen.
    return std::fabs(master - from_bf16(old)) <= band ? old : to_bf16(master);
}

// One pass over everything. before: what the published words were.
template <bool HasBand>
void update(const Constants& c, std::size_t words, const float* __restrict gradients,
            float* __restrict master, float* __restrict first_moment,
            float* __restrict second_moment, Bf16* __restrict published, Bf16* __restrict before) {
    for (std::size_t i = 0; i < words; ++i) {
        const float gradient = c.gradient_scale * gradients[i];
        const float m = c.beta1 * first_moment[i] + c.one_minus_beta1 * gradient;
        const float v = c.beta2 * second_moment[i] + c.one_minus_beta2 * gradient * gradient;
        const float denominator = std::sqrt(v) * c.inverse_root_v + c.epsilon;
        first_moment[i] = m;
        second_moment[i] = v;
        const float theta = c.decay * master[i] - c.step_size * (m / denominator);
        master[i] = theta;
        const Bf16 old = published[i];
        before[i] = old;
        published[i] = next_word<HasBand>(c.band, theta, old);
    }
}

// One thread's: a tile's old words, and where the new ones differ. Stays in L2 with the tile.
struct TileScratch {
    std::array<Bf16, kTileWords> before;
    std::array<std::uint16_t, kTileWords + kPositionSlack> positions;
};

// Appends where the words differ. The kernel reads whole blocks of its own, so the last words of an
// array go through one beside it.
std::size_t find_changes(const CompactKernels& kernels, std::size_t first, std::size_t words,
                         const Bf16* before, const Bf16* after, std::uint16_t* positions) {
    const std::size_t blocks = words / kBlockWords;
    const auto bytes = [](const Bf16* from) { return reinterpret_cast<const std::byte*>(from); };
    std::size_t found =
        kernels.find_changes(bytes(before), bytes(after), sizeof(Bf16), blocks, first, positions);
    const std::size_t whole = blocks * kBlockWords;
    if (whole == words) return found;
    std::array<Bf16, kBlockWords> last_before{}, last_after{};
    std::copy(before + whole, before + words, last_before.begin());
    std::copy(after + whole, after + words, last_after.begin());
    found += kernels.find_changes(bytes(last_before.data()), bytes(last_after.data()), sizeof(Bf16),
                                  1, first + whole, positions + found);
    return found;
}

// The search needs no memory: the first words of the next update come meanwhile. Takes the step
// from 9 to 1 % above one that does not search (experiments/bench_adamw.cpp). at: element offset;
// past the end nothing comes.
void prefetch_update(std::span<const float> gradients, const AdamWState& state, std::size_t at) {
    for (const float* array : {gradients.data(), state.master.data(), state.first_moment.data(),
                               state.second_moment.data()}) {
        for (std::size_t line = 0; line < kLinesAhead; ++line) {
            __builtin_prefetch(array + at + 16 * line);
        }
    }
}

// first: element offset of the tile. Fills the scratch; returns where words changed.
std::span<const std::uint16_t> step_tile(const Constants& constants, std::size_t first,
                                         std::size_t words, std::span<const float> gradients,
                                         AdamWState& state, TileScratch& scratch) {
    const CompactKernels& kernels = compact_kernels();
    const auto update_block = constants.band < 0 ? update<false> : update<true>;
    const Bf16* const after = state.published.data() + first;
    std::size_t changes = 0;
    // The search is a block behind: words that have only just been stored would be waited for.
    std::size_t searched = 0;
    const auto search_until = [&](std::size_t end) {
        changes += find_changes(kernels, searched, end - searched, scratch.before.data() + searched,
                                after + searched, scratch.positions.data() + changes);
        searched = end;
    };
    for (std::size_t begin = 0; begin < words; begin += kStepWords) {
        const std::size_t size = std::min(kStepWords, words - begin);
        const std::size_t at = first + begin;
        update_block(constants, size, gradients.data() + at, state.master.data() + at,
                     state.first_moment.data() + at, state.second_moment.data() + at,
                     state.published.data() + at, scratch.before.data() + begin);
        prefetch_update(gradients, state, at + size);
        search_until(begin);
    }
    search_until(words);
    return std::span(scratch.positions).first(changes);
}

TileChanges listed(std::span<const std::uint16_t> positions, const Bf16* before,
                   const Bf16* after) {
    TileChanges changes;
    changes.positions.assign(positions.begin(), positions.end());
    changes.before.resize(positions.size());
    changes.after.resize(positions.size());
    for (std::size_t index = 0; index < positions.size(); ++index) {
        changes.before[index] = before[positions[index]];
        changes.after[index] = after[positions[index]];
    }
    return changes;
}

void check_arguments(const ArrayTable& table, const AdamWStep& step,
                     std::span<const float> gradients, const AdamWState& state, int threads) {
    const std::size_t elements = table.layout().size_bytes() / sizeof(Bf16);
    require(gradients.size() == elements && state.master.size() == elements,
            "gradients and master have the table's elements");
    require(step.number >= 1 && threads >= 1, "steps count from 1, and somebody has to work");
}

// Calls take(thread, tile's index, place, positions, before) for every tile, those of a run in
// order and by one thread.
template <class Take>
void step_runs(const ArrayTable& table, const Constants& constants,
               std::span<const float> gradients, AdamWState& state, int threads, int runs,
               std::size_t run_tiles, Take take) {
#pragma omp parallel num_threads(threads)
    {
        const auto scratch = std::make_unique<TileScratch>();
        const auto thread = static_cast<std::size_t>(omp_get_thread_num());
#pragma omp for schedule(static)
        for (int run = 0; run < runs; ++run) {
            const std::size_t first = static_cast<std::size_t>(run) * run_tiles;
            const std::size_t end = std::min(first + run_tiles, table.tiles());
            for (std::size_t index = first; index < end; ++index) {
                const Tile tile = table.tile(index);
                require(tile.word_bytes == sizeof(Bf16), "the optimizer updates bf16 arrays");
                const std::size_t at = tile.offset_bytes / sizeof(Bf16);
                take(thread, index, tile,
                     step_tile(constants, at, tile.words, gradients, state, *scratch),
                     std::span<const Bf16>(scratch->before).first(tile.words));
            }
        }
    }
}

}  // namespace

AdamWState::AdamWState(std::vector<float> initial)
    : master(std::move(initial)),
      first_moment(master.size()),
      second_moment(master.size()),
      published(round_to_bf16(master)) {}

void AdamWState::restart() {
    std::ranges::fill(first_moment, 0.0f);
    std::ranges::fill(second_moment, 0.0f);
    std::ranges::transform(master, published.begin(), to_bf16);
}

Changes adamw_step(const ArrayTable& table, const AdamWOptions& options, const AdamWStep& step,
                   std::span<const float> gradients, AdamWState& state, int threads) {
    check_arguments(table, step, gradients, state, threads);
    std::vector<TileChanges> found(table.tiles());
    step_runs(table, constants_of(options, step), gradients, state, threads,
              static_cast<int>(table.tiles()), 1,
              [&](std::size_t, std::size_t index, const Tile& tile,
                  std::span<const std::uint16_t> positions, std::span<const Bf16> before) {
                  if (positions.empty()) return;
                  found[index] = listed(positions, before.data(),
                                        state.published.data() + tile.offset_bytes / sizeof(Bf16));
              });
    Changes changes;
    for (std::size_t index = 0; index < found.size(); ++index) {
        if (found[index].size() == 0) continue;
        changes.emplace_hint(changes.end(), index, std::move(found[index]));
    }
    return changes;
}

EncodedStep adamw_step(const ArrayTable& table, const AdamWOptions& options, const AdamWStep& step,
                       std::span<const float> gradients, AdamWState& state, int threads,
                       StepEncoder& encoder) {
    check_arguments(table, step, gradients, state, threads);
    encoder.begin();
    step_runs(table, constants_of(options, step), gradients, state, threads,
              static_cast<int>(encoder.runs()), StepEncoder::kRunTiles,
              [&](std::size_t thread, std::size_t index, const Tile& tile,
                  std::span<const std::uint16_t> positions, std::span<const Bf16> before) {
                  const std::span<const Bf16> published(state.published);
                  encoder.add(thread, index, positions, std::as_bytes(before),
                              std::as_bytes(
                                  published.subspan(tile.offset_bytes / sizeof(Bf16), tile.words)));
              });
    return encoder.finish();
}

}  // namespace dws
