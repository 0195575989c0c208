#include "sync/codec/step_encoder.h"

#include <algorithm>
#include <utility>

#include "base/require.h"
#include "sync/words.h"

namespace dws {
namespace {

// Tiles that the next step's classes are chosen from: 20,000 changes at 1 %. Spread over the table.
constexpr std::size_t kSampledTiles = 32;

// The words at the positions, widened.
void gather(std::span<const std::byte> words, std::size_t word_bytes,
            std::span<const std::uint16_t> positions, std::vector<std::uint32_t>& to) {
    to.resize(positions.size());
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        for (std::size_t index = 0; index < positions.size(); ++index) {
            to[index] = load_word<Word>(words.data() + positions[index] * sizeof(Word));
        }
    });
}

}  // namespace

struct StepEncoder::Lane {
    TileEncoder encoder;
    Digest change;
    TileChanges changes;                       // of the tile at hand
    std::map<DType, KeyHistogram> histograms;  // of the sampled tiles

    explicit Lane(CompactMode mode) : encoder(mode) {}
};

StepEncoder::StepEncoder(const ArrayTable& table, Encoding encoding, std::size_t threads)
    : table_(table),
      encoding_(encoding),
      sampled_every_(std::max<std::size_t>(1, table.tiles() / kSampledTiles)) {
    require(threads >= 1, "somebody has to encode");
    for (std::size_t thread = 0; thread < threads; ++thread) {
        lanes_.push_back(std::make_unique<Lane>(compact_mode(encoding)));
    }
}

StepEncoder::~StepEncoder() = default;

std::size_t StepEncoder::end_tile(std::size_t run) const {
    return std::min((run + 1) * kRunTiles, table_.tiles());
}

void StepEncoder::begin() {
    step_ = EncodedStep{};
    step_.classes = next_classes_;
    step_.runs.resize(runs());
    for (std::size_t run = 0; run < step_.runs.size(); ++run) {
        step_.runs[run].first_tile = first_tile(run);
    }
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        lane->change = Digest{};
        lane->histograms.clear();
    }
}

void StepEncoder::add(std::size_t thread, std::size_t tile,
                      std::span<const std::uint16_t> positions, std::span<const std::byte> before,
                      std::span<const std::byte> after) {
    Lane& lane = *lanes_[thread];
    CompactBody& run = step_.runs[tile / kRunTiles];
    require(run.first_tile + run.lengths.size() == tile, "a run's tiles come in order");
    const std::size_t start = run.tiles.size();
    if (!positions.empty()) {
        const Tile place = table_.tile(tile);
        const DType dtype = table_.layout().specs()[place.array].dtype;
        const auto classes = step_.classes.find(dtype);
        lane.encoder.encode_found(
            positions, before, after, place.word_bytes,
            classes == step_.classes.end() ? ExponentClasses{} : classes->second, run.tiles);
        lane.changes.positions.assign(positions.begin(), positions.end());
        gather(before, place.word_bytes, positions, lane.changes.before);
        gather(after, place.word_bytes, positions, lane.changes.after);
        lane.change += digest_change(table_, tile, lane.changes);
        if (is_sampled(tile) && has_exponent(dtype)) {
            count_keys(before.data(), after.data(), place.words, place.word_bytes,
                       lane.histograms[dtype]);
        }
    }
    run.lengths.push_back(static_cast<std::uint32_t>(run.tiles.size() - start));
    run.changed_words += positions.size();
}

EncodedStep StepEncoder::finish() {
    std::map<DType, KeyHistogram> sums;
    for (const std::unique_ptr<Lane>& lane : lanes_) {
        step_.change += lane->change;
        for (const auto& [dtype, histogram] : lane->histograms) sums[dtype] += histogram;
    }
    next_classes_.clear();
    for (const auto& [dtype, histogram] : sums) {
        const ExponentClasses chosen = choose_classes(histogram);
        if (chosen.count > 0) next_classes_[dtype] = chosen;
    }
    return std::move(step_);
}

bool StepEncoder::is_sampled(std::size_t tile) const {
    return encoding_ != Encoding::flat && tile % sampled_every_ == sampled_every_ / 2;
}

}  // namespace dws
