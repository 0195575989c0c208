// The compact codec beside a plain copy of the same weights in the same run. Arguments: the
// scenario (0: A1, 0.9 % of the words change; 1: A3, 2.2 %) and the CompactMode. Counters give
// bytes per changed word and how long a pass takes in copies of the weights; copy again before each
// comparison, since the machine's memory is rarely ours alone.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <vector>

#include "experiments/optimizer_steps.h"
#include "sync/codec_compact.h"

namespace {

constexpr std::size_t kCopies = 16;  // 0.57 GB of weights: far more than any cache

struct Fixture {
    dws::StepPair pair;
    dws::ArrayTable table;
    std::uint64_t changed_words;

    explicit Fixture(const dws::StepScenario& scenario)
        : pair(dws::simulate_step(scenario, kCopies)),
          table(*dws::ArrayTable::make(pair.layout)),
          changed_words(dws::count(dws::diff(table, pair.base, pair.next))) {}

    dws::Bytes encode(dws::CompactMode mode) const {
        dws::Bytes file;
        dws::encode_compact(table, pair.base, pair.next, 1, 0, {.mode = mode},
                            [&](dws::Bytes bytes) {
                                file = std::move(bytes);
                                return true;
                            });
        return file;
    }
};

// Simulated once: it takes longer than all measurements.
const Fixture& fixture(std::int64_t scenario) {
    static std::map<std::int64_t, Fixture> fixtures;
    const auto found = fixtures.find(scenario);
    if (found != fixtures.end()) return found->second;
    return fixtures.try_emplace(scenario, scenario == 0 ? dws::kScenarioA1 : dws::kScenarioA3)
        .first->second;
}

using Clock = std::chrono::steady_clock;

double seconds_of(const auto& work) {
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Times `work` and a copy of the weights in turn; prepare is not timed. Reports the medians' ratio.
void measure(benchmark::State& state, const Fixture& fixture, const auto& prepare,
             const auto& work) {
    dws::Bytes copy = fixture.pair.base;
    std::vector<double> copies, times;
    for (auto _ : state) {
        copies.push_back(seconds_of([&] {
            std::memcpy(copy.data(), fixture.pair.base.data(), copy.size());
            benchmark::DoNotOptimize(copy.data());
        }));
        prepare();
        times.push_back(seconds_of(work));
        state.SetIterationTime(times.back());
    }
    const auto median = [](std::vector<double>& values) {
        std::nth_element(values.begin(),
                         values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                         values.end());
        return values[values.size() / 2];
    };
    state.counters["x_memcpy"] = median(times) / median(copies);
    state.counters["memcpy_GBps"] =
        static_cast<double>(fixture.pair.base.size()) / median(copies) / 1e9;
    state.counters["changed_percent"] = 100 * static_cast<double>(fixture.changed_words) /
                                        static_cast<double>(fixture.table.words());
}

dws::CompactMode mode_of(const benchmark::State& state) {
    return static_cast<dws::CompactMode>(state.range(1));
}

void set_size(benchmark::State& state, const Fixture& from, const dws::Bytes& file) {
    state.counters["bytes_per_change"] =
        static_cast<double>(file.size()) / static_cast<double>(from.changed_words);
}

void BM_Encode(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    dws::Bytes file;
    measure(
        state, from, [] {}, [&] { file = from.encode(mode_of(state)); });
    set_size(state, from, file);
}

// Decodes and writes the new words in place.
void BM_Patch(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    const dws::Bytes file = from.encode(mode_of(state));
    dws::Bytes words;
    measure(
        state, from, [&] { words = from.pair.base; },
        [&] {
            if (!dws::patch_compact(from.table, file, 1, 0, words)) {
                state.SkipWithError("not decoded");
            }
        });
    if (words != from.pair.next) state.SkipWithError("other words");
    set_size(state, from, file);
}

// Decodes into a list of changes, as a subscriber stages them.
void BM_Decode(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    const dws::Bytes file = from.encode(mode_of(state));
    dws::Changes changes;
    measure(
        state, from, [&] { changes.clear(); },
        [&] {
            if (!dws::decode_compact(from.table, file, 1, 0, from.pair.base, changes)) {
                state.SkipWithError("not decoded");
            }
        });
    set_size(state, from, file);
}

void scenarios_and_modes(benchmark::internal::Benchmark* benchmark) {
    benchmark->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(9);
    for (const std::int64_t scenario : {0, 1}) {
        for (const dws::CompactMode mode :
             {dws::CompactMode::classes, dws::CompactMode::flat, dws::CompactMode::smallest}) {
            benchmark->Args({scenario, static_cast<std::int64_t>(mode)});
        }
    }
}
BENCHMARK(BM_Encode)->Apply(scenarios_and_modes);
BENCHMARK(BM_Patch)->Apply(scenarios_and_modes);
BENCHMARK(BM_Decode)->Apply(scenarios_and_modes);

}  // namespace
