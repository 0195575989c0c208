// What knowing the changes costs an optimizer step: AdamW with a plain cast to bf16 beside AdamW
// that also detects, and that also encodes. Arguments: threads, and the dead-band in millionths.
// `overhead_percent` compares medians of two steps taken in turn, so that a machine that is not
// ours alone slows both. Times are of the processor, divided by the threads: what so many free
// cores would take. Set OMP_WAIT_POLICY=passive, or a thread that waits for the other counts too.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <random>
#include <vector>

#include "experiments/bench_clock.h"
#include "sync/parallel.h"
#include "trainer_bridge/adamw_cpu.h"

namespace {

using dws::Bf16;

constexpr std::size_t kWords = std::size_t{48} << 20;  // 0.8 GB of state: far more than any cache
// Changes 0.9 % of the words, by a gradient that changes its sign with every step: moments, and so
// the share that changes, stay as they are however often it is repeated.
constexpr double kLearningRate = 4.5e-6;

struct Fixture {
    dws::ArrayTable table;
    std::vector<float> gradients;
    dws::AdamWState state;
    dws::AdamWStep step{.number = 1'000'000, .learning_rate = kLearningRate, .gradient_scale = 1};

    Fixture()
        : table(*dws::ArrayTable::make(dws::TensorLayout(
              {{"weights", dws::DType::kBF16, {static_cast<std::int64_t>(kWords)}}}))),
          gradients(kWords),
          state(std::vector<float>(kWords)) {
        dws::for_each_piece(2, 64, [&](std::size_t, std::size_t piece) {
            std::mt19937_64 random(piece);
            std::normal_distribution<float> normal(0, 1);
            std::uniform_real_distribution<float> within(-0.5f, 0.5f);
            const std::size_t size = kWords / 64;
            for (std::size_t i = piece * size; i < (piece + 1) * size; ++i) {
                gradients[i] = 1e-3f * normal(random);
                state.second_moment[i] = gradients[i] * gradients[i];
                state.first_moment[i] = -gradients[i] * (0.1f / 1.9f);
                // Anywhere within what rounds to the published word.
                const float weight = 0.03f * normal(random);
                state.master[i] = weight + within(random) * std::ldexp(std::fabs(weight), -8);
                state.published[i] = dws::to_bf16(state.master[i]);
            }
        });
    }
    void next() { step.gradient_scale = -step.gradient_scale; }
};

Fixture& fixture() {
    static Fixture only;
    return only;
}

// The step without knowing what changed: the arithmetic of adamw_cpu.cpp, and a cast.
void adamw_and_cast(Fixture& from, const dws::AdamWOptions& options, int threads) {
    const auto rate = static_cast<float>(from.step.learning_rate);
    const auto scale = static_cast<float>(from.step.gradient_scale);
    const auto b1 = static_cast<float>(options.beta1), b2 = static_cast<float>(options.beta2);
    const auto rest1 = static_cast<float>(1 - options.beta1);
    const auto rest2 = static_cast<float>(1 - options.beta2);
    const auto epsilon = static_cast<float>(options.epsilon);
    const auto blocks = static_cast<int>(kWords / dws::kTileWords);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int block = 0; block < blocks; ++block) {
        const std::size_t first = static_cast<std::size_t>(block) * dws::kTileWords;
        const float* __restrict gradients = from.gradients.data() + first;
        float* __restrict master = from.state.master.data() + first;
        float* __restrict first_moment = from.state.first_moment.data() + first;
        float* __restrict second_moment = from.state.second_moment.data() + first;
        Bf16* __restrict published = from.state.published.data() + first;
        for (std::size_t i = 0; i < dws::kTileWords; ++i) {
            const float gradient = scale * gradients[i];
            const float m = b1 * first_moment[i] + rest1 * gradient;
            const float v = b2 * second_moment[i] + rest2 * gradient * gradient;
            first_moment[i] = m;
            second_moment[i] = v;
            master[i] = master[i] - rate * (m / (std::sqrt(v) + epsilon));
            published[i] = dws::to_bf16(master[i]);
        }
    }
}

int threads_of(const benchmark::State& state) { return static_cast<int>(state.range(0)); }

dws::AdamWOptions options_of(const benchmark::State& state) {
    return {.dead_band = 1e-6 * static_cast<double>(state.range(1))};
}

// step: returns how many words changed.
void measure(benchmark::State& state, const auto& step) {
    Fixture& from = fixture();
    const int threads = threads_of(state);
    std::vector<double> plain, times;
    std::uint64_t changed = 0;
    for (auto _ : state) {
        from.next();
        plain.push_back(dws::seconds_of([&] { adamw_and_cast(from, {}, threads); }) / threads);
        from.next();
        times.push_back(dws::seconds_of([&] { changed = step(from); }) / threads);
        state.SetIterationTime(times.back());
    }
    const double plain_s = dws::median(plain);
    state.counters["overhead_percent"] = 100 * (dws::median(times) / plain_s - 1);
    state.counters["plain_ns_per_word"] = 1e9 * plain_s / static_cast<double>(kWords);
    state.counters["changed_percent"] =
        100 * static_cast<double>(changed) / static_cast<double>(kWords);
}

// The changes as lists, for a publisher that is busy.
void BM_Detect(benchmark::State& state) {
    measure(state, [&](Fixture& from) {
        return dws::count(dws::adamw_step(from.table, options_of(state), from.step, from.gradients,
                                          from.state, threads_of(state)));
    });
}

void BM_Encode(benchmark::State& state) {
    Fixture& from = fixture();
    dws::StepEncoder encoder(from.table, static_cast<dws::Encoding>(state.range(2)),
                             static_cast<std::size_t>(threads_of(state)));
    std::size_t bytes = 0;
    std::uint64_t changed = 1;
    measure(state, [&](Fixture& to) {
        const dws::EncodedStep step =
            dws::adamw_step(to.table, options_of(state), to.step, to.gradients, to.state,
                            threads_of(state), encoder);
        bytes = 0;
        for (const dws::CompactBody& run : step.runs) bytes += run.tiles.size();
        changed = dws::count(step);
        return changed;
    });
    state.counters["bytes_per_change"] = static_cast<double>(bytes) / static_cast<double>(changed);
}

void with_rows(benchmark::internal::Benchmark* benchmark) {
    benchmark->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(9);
}
constexpr std::int64_t kFlat = static_cast<std::int64_t>(dws::Encoding::flat);
constexpr std::int64_t kClasses = static_cast<std::int64_t>(dws::Encoding::classes);
constexpr std::int64_t kSmallest = static_cast<std::int64_t>(dws::Encoding::smallest);

BENCHMARK(BM_Detect)->Apply(with_rows)->ArgsProduct({{1, 2}, {0, 20}});
BENCHMARK(BM_Encode)->Apply(with_rows)->ArgsProduct({{1, 2}, {0}, {kFlat, kClasses, kSmallest}});

}  // namespace
