// A made-up model that several trainer ranks hold: its words after every step follow from the seed
// alone, so that every process, and who checks them, knows them all.
#pragma once

#include <random>

#include "sync/changes.h"
#include "tests/support/random_arrays.h"

namespace dws {

class RankModel {
public:
    // Eight tiles; the second and third begin inside an array, as shards of three ranks do.
    RankModel()
        : table_(make_table({{"embed.weight", DType::kBF16, {4, 60'000}},
                             {"norm.weight", DType::kF32, {77}},
                             {"head.weight", DType::kBF16, {150'000}}})) {
        Random random(17);
        // Only words: the gaps between arrays stay as a replica has them.
        words_.resize(table_.layout().size_bytes());
        patch(table_, diff(table_, words_, random_words(table_, random)), words_);
    }

    const ArrayTable& table() const { return table_; }
    const Bytes& words() const { return words_; }
    std::int64_t step() const { return step_; }

    // One optimizer step: about forty words of every tile change.
    Changes take_step() {
        ++step_;
        Random random(1'000 + static_cast<std::uint64_t>(step_));
        Bytes next = words_;
        for (std::size_t index = 0; index < table_.tiles(); ++index) {
            const Tile tile = table_.tile(index);
            for (int change = 0; change < 40; ++change)
                write_word(next, tile, random() % tile.words, static_cast<std::uint32_t>(random()));
        }
        Changes changes = diff(table_, words_, next);
        words_ = std::move(next);
        return changes;
    }

private:
    const ArrayTable table_;
    Bytes words_;
    std::int64_t step_ = 0;
};

inline constexpr std::size_t kRanks = 3;
inline constexpr std::int64_t kSteps = 24;
// The version at which a rank is killed.
inline constexpr std::int64_t kFatalVersion = 3;

}  // namespace dws
