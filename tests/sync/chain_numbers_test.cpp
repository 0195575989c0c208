// The numbers of sync/CHAINS.md, and the bounds it claims.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sync/upkeep/compactor.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/walking_run.h"

namespace dws {
namespace {

constexpr std::size_t kWords = kTileWords;

// The second table of CHAINS.md. An anchor is written for more than its share of delta bytes, a
// fold for more than its own, so what the compactor writes is bounded by what the trainer wrote.
TEST(LongRun, WhatIsWrittenIsBoundedByTheDeltas) {
    constexpr int kVersions = 192;
    fmt::print("{} words, {} versions, a newcomer at every one\n", kWords, kVersions);
    fmt::print(
        "step    levels    readers   delta/anchor   folds   anchors   written/deltas   "
        "catch-up/anchor: mean   worst\n");
    struct Case {
        float learning_rate;
        std::vector<std::int64_t> levels;
        double readers;
    };
    const std::vector<Case> cases{{1e-7f, {8, 64}, 8},
                                  {1e-6f, {8, 64}, 0},
                                  {1e-6f, {8, 64}, 8},
                                  {1e-6f, {4, 16, 64}, 8},
                                  {1e-5f, {8, 64}, 8}};
    for (const auto& [learning_rate, levels, readers] : cases) {
        FaultyBucket bucket;
        WalkingRun run(bucket, kWords, learning_rate, 16);
        CompactorOptions options{.costs = {}, .writing = {.run = "run", .fault = {}}};
        options.costs.expected_readers = readers;
        options.costs.fold_versions = levels;
        std::uint64_t written_bytes = 0;
        int folds = 0;
        int anchors = 0;
        Compactor compactor(bucket, options,
                            {.started = {},
                             .offered =
                                 [&](const WrittenJump& written, std::uint64_t) {
                                     written_bytes += written.bytes;
                                     (written.jump.base_version < 0 ? anchors : folds) += 1;
                                 },
                             .declined = {},
                             .fault = {}});
        double worst = 0;
        double sum_of_shares = 0;
        for (int version = 0; version < kVersions; ++version) {
            run.publish(1);
            ASSERT_TRUE(compactor.catch_up({}));
            const double share = static_cast<double>(compactor.catch_up_bytes()) /
                                 static_cast<double>(compactor.anchor_bytes());
            worst = std::max(worst, share);
            sum_of_shares += share;
        }
        const auto deltas = static_cast<double>(run.delta_bytes());
        const double written = static_cast<double>(written_bytes) / deltas;
        fmt::print("{:.0e}   {:8} {:8} {:14.3f} {:7} {:9} {:16.2f} {:23.2f} {:7.2f}\n",
                   learning_rate, fmt::format("{}", fmt::join(levels, ",")), readers,
                   deltas / kVersions / static_cast<double>(run.anchor_bytes()), folds, anchors,
                   written, sum_of_shares / kVersions, worst);
        EXPECT_LE(written, 1 / options.costs.anchor_share +
                               static_cast<double>(options.costs.fold_versions.size()));
        EXPECT_LE(worst, 1 + options.costs.anchor_share);
    }
}

// The first table of CHAINS.md. Bytes of a fold grow far slower than its versions: the
// longer it is, the more words change again.
TEST(FoldBytes, GrowSlowerThanTheVersionsTheyCover) {
    const std::size_t words = 8 * kTileWords;
    const ArrayTable table = make_table({{"w", DType::kBF16, {static_cast<std::int64_t>(words)}}});
    const auto bytes_of = [&](const Bytes& base, const Bytes& next) {
        std::uint64_t bytes = 0;
        encode_compact(table, base, next, 1, 0, {}, [&](const Bytes& file) {
            bytes += file.size();
            return true;
        });
        return bytes;
    };
    for (const float learning_rate : {1e-6f, 1e-5f}) {
        WalkingWeights weights(table, learning_rate, 15);
        for (int step = 0; step < 16; ++step) weights.step();  // off the grid
        const Bytes base = weights.words();
        fmt::print("{:.0e} a step, {} words, anchor {} bytes\n", learning_rate, words, 2 * words);
        fmt::print(
            "versions   changed   fold bytes   deltas' bytes   fold/deltas   of an anchor\n");
        std::uint64_t deltas = 0;
        double last_share = 1.01;
        for (int version = 1; version <= 64; ++version) {
            const Bytes before = weights.words();
            deltas += bytes_of(before, weights.step());
            if ((version & (version - 1)) != 0) continue;
            const std::uint64_t fold = bytes_of(base, weights.words());
            const double share = static_cast<double>(fold) / static_cast<double>(deltas);
            const double changed = 1e2 *
                                   static_cast<double>(count(diff(table, base, weights.words()))) /
                                   static_cast<double>(words);
            fmt::print("{:8} {:7.2f} % {:12} {:15} {:13.2f} {:12.1f} %\n", version, changed, fold,
                       deltas, share,
                       1e2 * static_cast<double>(fold) / static_cast<double>(2 * words));
            EXPECT_LT(share, last_share);
            last_share = share;
        }
    }
}

}  // namespace
}  // namespace dws
