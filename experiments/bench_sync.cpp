// How fast a version goes through each stage of sync, beside a plain copy of the same weights in
// the same run. One array of 2^25 bf16 words (64 MiB); the argument is the share of words that
// changed, in units of 0.01 %. Bytes per second are of the weights, not of the delta.
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "sync/codec/interchange.h"
#include "sync/replica.h"

namespace {

constexpr std::size_t kWords = std::size_t{1} << 25;

// A base, a version that differs in a given share of its words, and what lies between them.
struct Fixture {
    dws::ArrayTable table;
    dws::Bytes base, next;
    dws::Changes changes;
    dws::Bytes file;

    explicit Fixture(std::int64_t per_ten_thousand)
        : table(*dws::ArrayTable::make(dws::TensorLayout(
              {{"weight", dws::DType::kBF16, {static_cast<std::int64_t>(kWords)}}}))),
          base(2 * kWords),
          next(2 * kWords) {
        std::uint64_t random = 1;
        for (std::size_t word = 0; word < kWords; ++word) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const auto value = static_cast<std::uint16_t>(random >> 33);
            const bool changes_here =
                (random >> 49) % 10'000 < static_cast<std::uint64_t>(per_ten_thousand);
            const auto later = static_cast<std::uint16_t>(value + (changes_here ? 1 : 0));
            std::memcpy(&base[2 * word], &value, 2);
            std::memcpy(&next[2 * word], &later, 2);
        }
        changes = dws::diff(table, base, next);
        dws::encode_delta(table, changes, 1, dws::Encoding::gap_delta, SIZE_MAX,
                          [&](dws::Bytes bytes) {
                              file = std::move(bytes);
                              return true;
                          });
    }

    dws::Record record() const {
        dws::Record record;
        record.kind = dws::RecordKind::delta;
        record.version = 1;
        record.base_version = 0;
        record.layout_hash = table.layout_hash();
        record.total_words = table.words();
        record.changed_words = dws::count(changes);
        record.digest = dws::sum(dws::digest_tiles(table, next));
        return record;
    }
};

void report(benchmark::State& state, const Fixture& fixture) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * kWords));
    state.counters["file_bytes"] = static_cast<double>(fixture.file.size());
    state.counters["bytes_per_change"] =
        static_cast<double>(fixture.file.size()) /
        static_cast<double>(std::max<std::uint64_t>(1, dws::count(fixture.changes)));
}

void BM_Memcpy(benchmark::State& state) {
    const Fixture fixture(0);
    dws::Bytes copy(fixture.base.size());
    for (auto _ : state) {
        std::memcpy(copy.data(), fixture.base.data(), copy.size());
        benchmark::DoNotOptimize(copy.data());
    }
    report(state, fixture);
}
BENCHMARK(BM_Memcpy)->Unit(benchmark::kMillisecond);

void BM_Diff(benchmark::State& state) {
    const Fixture fixture(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(dws::diff(fixture.table, fixture.base, fixture.next));
    }
    report(state, fixture);
}
BENCHMARK(BM_Diff)->Arg(90)->Arg(220)->Unit(benchmark::kMillisecond);

void BM_Encode(benchmark::State& state) {
    const Fixture fixture(state.range(0));
    for (auto _ : state) {
        dws::encode_delta(fixture.table, fixture.changes, 1, dws::Encoding::gap_delta, SIZE_MAX,
                          [](dws::Bytes bytes) {
                              benchmark::DoNotOptimize(bytes.data());
                              return true;
                          });
    }
    report(state, fixture);
}
BENCHMARK(BM_Encode)->Arg(90)->Arg(220)->Unit(benchmark::kMillisecond);

void BM_Decode(benchmark::State& state) {
    const Fixture fixture(state.range(0));
    for (auto _ : state) {
        dws::Changes decoded;
        benchmark::DoNotOptimize(decode_delta(fixture.table, fixture.file, 1, decoded));
    }
    report(state, fixture);
}
BENCHMARK(BM_Decode)->Arg(90)->Arg(220)->Unit(benchmark::kMillisecond);

// Digest of the next version from old words and new words, compared before any write. As a delta of
// the interchange formats comes: old words are read from live memory.
void BM_Stage(benchmark::State& state) {
    Fixture fixture(state.range(0));
    dws::Bytes live(fixture.base.size());
    dws::Replica replica(fixture.table, live);
    dws::Record anchor = fixture.record();
    anchor.kind = dws::RecordKind::anchor;
    anchor.version = 0;
    anchor.base_version = -1;
    anchor.digest = dws::sum(dws::digest_tiles(fixture.table, fixture.base));
    replica.commit(*replica.stage_anchor(anchor, fixture.base));
    const dws::Record record = fixture.record();
    dws::Changes decoded = fixture.changes;
    for (auto& [tile, changes] : decoded) changes.before.clear();
    for (auto _ : state) {
        benchmark::DoNotOptimize(replica.stage_delta(record, decoded));
    }
    report(state, fixture);
}
BENCHMARK(BM_Stage)->Arg(90)->Arg(220)->Unit(benchmark::kMillisecond);

// Writing the words: the pause.
void BM_Commit(benchmark::State& state) {
    Fixture fixture(state.range(0));
    dws::Bytes live = fixture.base;
    for (auto _ : state) dws::patch(fixture.table, fixture.changes, live);
    report(state, fixture);
}
BENCHMARK(BM_Commit)->Arg(90)->Arg(220)->Unit(benchmark::kMillisecond);

void BM_FullRescan(benchmark::State& state) {
    const Fixture fixture(0);
    for (auto _ : state) {
        benchmark::DoNotOptimize(dws::digest_tiles(fixture.table, fixture.base));
    }
    report(state, fixture);
}
BENCHMARK(BM_FullRescan)->Unit(benchmark::kMillisecond);

}  // namespace
