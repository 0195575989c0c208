// The compact codec beside a plain copy of the same weights in the same run. Arguments: the
// scenario (0: A1, 0.9 % of the words change; 1: A3, 2.2 %), then the CompactMode (0: smallest, 1:
// classes, 2: flat) and threads or kernels (0: portable, then AVX2, then AVX-512). Counters give
// bytes per changed word and how long a pass takes in copies of the weights; copy again before each
// comparison, since the machine's memory is rarely ours alone. Times are of the processor, divided
// by the threads: what so many free cores would take.
#include <benchmark/benchmark.h>

#include <cstring>
#include <map>
#include <vector>

#include "experiments/bench_clock.h"
#include "experiments/optimizer_steps.h"
#include "sync/codec/compact.h"
#include "sync/codec/compact_tile_decoder.h"

namespace {

constexpr std::size_t kCopies = 16;  // 0.57 GB of weights: far more than any cache

struct Fixture {
    dws::StepPair pair;
    dws::ArrayTable table;
    dws::Changes changes;
    std::uint64_t changed_words;

    explicit Fixture(const dws::StepScenario& scenario)
        : pair(dws::simulate_step(scenario, kCopies)),
          table(*dws::ArrayTable::make(pair.layout)),
          changes(dws::diff(table, pair.base, pair.next)),
          changed_words(dws::count(changes)) {}

    dws::Bytes encode(dws::CompactMode mode, std::size_t threads = 1) const {
        dws::Bytes file;
        dws::encode_compact(table, pair.base, pair.next, 1, 0, {.mode = mode, .threads = threads},
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

// Times `work` and a copy of the weights in turn; prepare is not timed. Reports the medians' ratio.
void measure(benchmark::State& state, const Fixture& from, std::size_t threads, const auto& prepare,
             const auto& work) {
    dws::Bytes copy = from.pair.base;
    std::vector<double> copies, times;
    for (auto _ : state) {
        copies.push_back(dws::seconds_of([&] {
            std::memcpy(copy.data(), from.pair.base.data(), copy.size());
            benchmark::DoNotOptimize(copy.data());
        }));
        prepare();
        times.push_back(dws::seconds_of(work) / static_cast<double>(threads));
        state.SetIterationTime(times.back());
    }
    const double copy_seconds = dws::median(copies);
    const double seconds = dws::median(times);
    state.counters["x_memcpy"] = seconds / copy_seconds;
    state.counters["ns_per_change"] = 1e9 * seconds / static_cast<double>(from.changed_words);
    state.counters["memcpy_GBps"] = static_cast<double>(from.pair.base.size()) / copy_seconds / 1e9;
    state.counters["changed_percent"] =
        100 * static_cast<double>(from.changed_words) / static_cast<double>(from.table.words());
}

const auto kNothing = [] {};

dws::CompactMode mode_of(const benchmark::State& state) {
    return static_cast<dws::CompactMode>(state.range(1));
}

std::size_t threads_of(const benchmark::State& state) {
    return static_cast<std::size_t>(state.range(2));
}

void set_size(benchmark::State& state, const Fixture& from, std::size_t bytes) {
    state.counters["bytes_per_change"] =
        static_cast<double>(bytes) / static_cast<double>(from.changed_words);
}

// Reads both versions and does nothing else: no encoder is faster.
void BM_Scan(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    measure(state, from, 1, kNothing, [&] {
        std::uint64_t differ = 0;
        for (std::size_t offset = 0; offset < from.pair.base.size(); offset += 8) {
            std::uint64_t base, next;
            std::memcpy(&base, from.pair.base.data() + offset, 8);
            std::memcpy(&next, from.pair.next.data() + offset, 8);
            differ |= base ^ next;
        }
        benchmark::DoNotOptimize(differ);
    });
}

void BM_Encode(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    dws::Bytes file;
    measure(state, from, threads_of(state), kNothing,
            [&] { file = from.encode(mode_of(state), threads_of(state)); });
    set_size(state, from, file.size());
}

// Decodes and writes the new words in place. digest: null, or kept meanwhile.
void patch_file(benchmark::State& state, std::size_t threads, dws::Digest* digest) {
    const Fixture& from = fixture(state.range(0));
    const dws::Bytes file = from.encode(mode_of(state));
    dws::Bytes words;
    measure(
        state, from, threads, [&] { words = from.pair.base; },
        [&] {
            if (!dws::patch_compact(from.table, file, 1, 0, words, threads, digest)) {
                state.SkipWithError("not decoded");
            }
        });
    if (words != from.pair.next) state.SkipWithError("other words");
    set_size(state, from, file.size());
}

void BM_Patch(benchmark::State& state) { patch_file(state, threads_of(state), nullptr); }

void BM_PatchWithDigest(benchmark::State& state) {
    dws::Digest digest;
    patch_file(state, 1, &digest);
    benchmark::DoNotOptimize(digest);
}

// Decodes into a list of changes, as a subscriber stages them.
void BM_Stage(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    const dws::Bytes file = from.encode(mode_of(state));
    dws::Changes changes;
    measure(
        state, from, 1, [&] { changes.clear(); },
        [&] {
            if (!dws::decode_compact(from.table, file, 1, 0, from.pair.base, changes)) {
                state.SkipWithError("not decoded");
            }
        });
}

// The pause in which a worker goes from one version to the next.
void BM_CommitStaged(benchmark::State& state) {
    const Fixture& from = fixture(state.range(0));
    dws::Bytes words;
    measure(
        state, from, 1, [&] { words = from.pair.base; },
        [&] { dws::patch(from.table, from.changes, words); });
    if (words != from.pair.next) state.SkipWithError("other words");
}

const dws::CompactKernels* kernels_of(benchmark::State& state) {
    const auto all = dws::runnable_compact_kernels();
    const auto index = static_cast<std::size_t>(state.range(2));
    if (index >= all.size()) {
        state.SkipWithError("not on this machine");
        return nullptr;
    }
    state.SetLabel(all[index]->name);
    return all[index];
}

// work(index, tile, classes) for every tile.
void for_each_tile(const Fixture& from, const dws::ExponentClasses& classes, const auto& work) {
    for (std::size_t index = 0; index < from.table.tiles(); ++index) {
        work(index, from.table.tile(index), classes);
    }
}

dws::ExponentClasses classes_of(const Fixture& from) {
    return dws::choose_classes(from.table, from.pair.base, from.pair.next)[dws::DType::kBF16];
}

std::span<const std::byte> words_of(const dws::Tile& tile, std::span<const std::byte> buffer) {
    return buffer.subspan(tile.offset_bytes, tile.words * tile.word_bytes);
}

void encode_tile(dws::TileEncoder& encoder, const Fixture& from, const dws::Tile& tile,
                 const dws::ExponentClasses& classes, dws::Bytes& out) {
    out.clear();
    encoder.encode(words_of(tile, from.pair.base), words_of(tile, from.pair.next), tile.word_bytes,
                   classes, out);
}

void BM_KernelsEncode(benchmark::State& state) {
    const dws::CompactKernels* kernels = kernels_of(state);
    if (kernels == nullptr) return;
    const Fixture& from = fixture(state.range(0));
    const dws::ExponentClasses classes = classes_of(from);
    dws::TileEncoder encoder(mode_of(state), *kernels);
    dws::Bytes out;
    measure(state, from, 1, kNothing, [&] {
        for_each_tile(from, classes, [&](std::size_t, const auto& tile, const auto& tile_classes) {
            encode_tile(encoder, from, tile, tile_classes, out);
        });
    });
}

void BM_KernelsPatch(benchmark::State& state) {
    const dws::CompactKernels* kernels = kernels_of(state);
    if (kernels == nullptr) return;
    const Fixture& from = fixture(state.range(0));
    const dws::ExponentClasses classes = classes_of(from);
    dws::TileEncoder encoder(mode_of(state));
    std::vector<dws::Bytes> tiles(from.table.tiles());
    for_each_tile(from, classes,
                  [&](std::size_t index, const auto& tile, const auto& tile_classes) {
                      encode_tile(encoder, from, tile, tile_classes, tiles[index]);
                  });
    dws::TileDecoder decoder(*kernels);
    dws::Bytes words;
    const auto patch_tile = [&](std::size_t index, const auto& tile, const auto& tile_classes) {
        const auto to = std::span(words).subspan(tile.offset_bytes, tile.words * tile.word_bytes);
        if (!decoder.patch(tiles[index], to, tile.word_bytes, tile_classes)) {
            state.SkipWithError("not decoded");
        }
    };
    measure(
        state, from, 1, [&] { words = from.pair.base; },
        [&] { for_each_tile(from, classes, patch_tile); });
}

constexpr std::int64_t kSmallest = 0, kClasses = 1, kFlat = 2;

void with_rows(benchmark::internal::Benchmark* benchmark) {
    benchmark->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(9);
}
BENCHMARK(BM_Scan)->Apply(with_rows)->DenseRange(0, 1);
BENCHMARK(BM_Encode)->Apply(with_rows)->ArgsProduct({{0, 1}, {kSmallest, kClasses, kFlat}, {1, 2}});
BENCHMARK(BM_Patch)->Apply(with_rows)->ArgsProduct({{0, 1}, {kClasses, kFlat}, {1, 2}});
BENCHMARK(BM_PatchWithDigest)->Apply(with_rows)->ArgsProduct({{0, 1}, {kClasses, kFlat}});
BENCHMARK(BM_Stage)->Apply(with_rows)->ArgsProduct({{0, 1}, {kClasses, kFlat}});
BENCHMARK(BM_CommitStaged)->Apply(with_rows)->DenseRange(0, 1);
BENCHMARK(BM_KernelsEncode)->Apply(with_rows)->ArgsProduct({{0}, {kClasses, kFlat}, {0, 1, 2}});
BENCHMARK(BM_KernelsPatch)->Apply(with_rows)->ArgsProduct({{0}, {kClasses, kFlat}, {0, 1, 2}});

}  // namespace
