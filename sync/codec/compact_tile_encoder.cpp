#include "sync/codec/compact_tile_encoder.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/require.h"
#include "sync/codec/bit_positions.h"
#include "sync/codec/compact_class_map.h"
#include "sync/codec/compact_lines_ahead.h"
#include "sync/codec/compact_plan.h"
#include "sync/words.h"

namespace dws {

namespace {

// Below so many changes the header's eight counts cost more than classes save.
constexpr std::size_t kFewestChangesInClasses = 24;

// Longer steps go to the exceptions: a changed sign, a NaN or an infinity is that far away, and
// its exp-Golomb code would be about as long as the word and its index.
template <class Word>
constexpr std::int32_t kLongestStep =
    std::int32_t{1} << (sizeof(Word) == 4 ? 24 : 8 * sizeof(Word) - 2);

using KeyClasses = std::array<std::uint8_t, 256>;

KeyClasses class_of_keys(const ExponentClasses& classes) {
    KeyClasses class_of;
    std::size_t key = 0;
    for (std::size_t index = 0; index < classes.count; ++index) {
        for (; key < classes.thresholds[index]; ++key) {
            class_of[key] = static_cast<std::uint8_t>(index);
        }
    }
    for (; key < 256; ++key) class_of[key] = static_cast<std::uint8_t>(classes.count);
    return class_of;
}

// A tile's old and new words, and where they differ.
template <class Word>
struct FoundChanges {
    std::span<const std::uint16_t> positions;  // ascending
    std::span<const std::byte> before;
    std::span<const std::byte> after;

    Word word_before(std::size_t change) const {
        return load_word<Word>(before.data() + positions[change] * sizeof(Word));
    }
    Word word_after(std::size_t change) const {
        return load_word<Word>(after.data() + positions[change] * sizeof(Word));
    }
};

// The same without the other words of the tile.
template <class Word>
struct ListedChanges {
    std::span<const std::uint16_t> positions;  // ascending
    std::span<const std::uint32_t> before;
    std::span<const std::uint32_t> after;

    Word word_before(std::size_t change) const { return static_cast<Word>(before[change]); }
    Word word_after(std::size_t change) const { return static_cast<Word>(after[change]); }
};

// slot: the change's index in the plan. The step is mod 2^bits, signed: for floats that keep their
// sign the distance in ulps, positive where the magnitude grows.
template <class Word>
void set_change(Word before, Word after, std::size_t slot, std::uint32_t gap, TilePlan& plan) {
    const auto step = static_cast<std::make_signed_t<Word>>(static_cast<Word>(after - before));
    plan.set(slot, gap, step, kLongestStep<Word>, after);
}

template <class ChangesOfTile>
void plan_flat(const ChangesOfTile& changes, LinesAhead& ahead, TilePlan& plan) {
    const auto count = static_cast<std::uint32_t>(changes.positions.size());
    plan.begin(TileMode::flat, std::span(&count, 1));
    std::uint32_t expected = 0;  // the position after a gap of 0
    for (std::size_t change = 0; change < changes.positions.size(); ++change) {
        const std::uint32_t position = changes.positions[change];
        ahead.ask(1);
        set_change(changes.word_before(change), changes.word_after(change), change,
                   position - expected, plan);
        expected = position + 1;
    }
}

// section_of: room for every change.
template <class Word>
void plan_classes(const FoundChanges<Word>& found, const ExponentClasses& classes,
                  const ClassMap& map, std::uint8_t* section_of, LinesAhead& ahead,
                  TilePlan& plan) {
    const KeyClasses class_of = class_of_keys(classes);
    std::array<std::uint32_t, kMaxSections> counts{};
    for (std::size_t change = 0; change < found.positions.size(); ++change) {
        const std::uint32_t word = found.word_before(change);
        section_of[change] = class_of[(word << 1 >> (8 * sizeof(Word) - 8)) & 0xff];
        ++counts[section_of[change]];
        ahead.ask(change % 4 == 0);  // more would be waited for
    }
    plan.begin(TileMode::classes, std::span(counts).first(classes.count + 1));
    std::array<std::uint32_t, kMaxSections> slots{};     // of each section's next change
    std::array<std::uint32_t, kMaxSections> expected{};  // its rank after a gap of 0
    for (std::size_t index = 1; index <= classes.count; ++index) {
        slots[index] = slots[index - 1] + counts[index - 1];
    }
    for (std::size_t change = 0; change < found.positions.size(); ++change) {
        const std::size_t position = found.positions[change];
        const std::size_t section = section_of[change];
        ahead.ask(1);
        const std::uint32_t rank = section == classes.count ? static_cast<std::uint32_t>(position)
                                                            : rank_in_class(map, section, position);
        set_change(found.word_before(change), found.word_after(change), slots[section]++,
                   rank - expected[section], plan);
        expected[section] = rank + 1;
    }
}

}  // namespace

CompactMode compact_mode(Encoding encoding) {
    require(is_compact(encoding), "interchange deltas are made from lists of changes");
    if (encoding == Encoding::flat) return CompactMode::flat;
    return encoding == Encoding::classes ? CompactMode::classes : CompactMode::smallest;
}

struct TileEncoder::Scratch {
    std::array<std::uint16_t, kTileWords + kPositionSlack> positions;
    std::array<std::uint8_t, kTileWords> section_of;  // by change
    ClassMap map;
    TilePlan flat;
    TilePlan classes;
    Bytes before;  // when the caller has a list of changes
    Bytes after;
};

TileEncoder::TileEncoder(CompactMode mode, const CompactKernels& kernels)
    : mode_(mode), kernels_(kernels), scratch_(std::make_unique_for_overwrite<Scratch>()) {}

TileEncoder::~TileEncoder() = default;

bool TileEncoder::may_use_classes(std::size_t changes, const ExponentClasses& classes) const {
    return classes.count > 0 &&
           (mode_ == CompactMode::smallest ||
            (mode_ == CompactMode::classes && changes >= kFewestChangesInClasses));
}

// Fills scratch_->positions and, where classes may be used, the map's whole blocks. The kernels
// read whole blocks, so the last words of an array go through a block of their own.
std::size_t TileEncoder::find(std::span<const std::byte> before, std::span<const std::byte> after,
                              std::size_t word_bytes, const ExponentClasses& classes) {
    const bool needs_map = may_use_classes(kTileWords, classes);
    const std::size_t block_bytes = kBlockWords * word_bytes;
    const std::size_t blocks = before.size() / block_bytes;
    std::uint16_t* positions = scratch_->positions.data();
    std::size_t changes =
        needs_map
            ? kernels_.find_and_classify(before.data(), after.data(), word_bytes, blocks, classes,
                                         scratch_->map, positions)
            : kernels_.find_changes(before.data(), after.data(), word_bytes, blocks, 0, positions);
    if (const std::size_t rest = before.size() - blocks * block_bytes; rest > 0) {
        std::array<std::byte, kBlockWords * 4> last_before{};
        std::array<std::byte, kBlockWords * 4> last_after{};
        std::memcpy(last_before.data(), before.data() + blocks * block_bytes, rest);
        std::memcpy(last_after.data(), after.data() + blocks * block_bytes, rest);
        changes += kernels_.find_changes(last_before.data(), last_after.data(), word_bytes, 1,
                                         blocks * kBlockWords, positions + changes);
    }
    return changes;
}

std::size_t TileEncoder::write_smallest(std::span<const std::uint16_t> positions,
                                        std::span<const std::byte> before,
                                        std::span<const std::byte> after, std::size_t word_bytes,
                                        const ExponentClasses& classes, bool was_searched,
                                        Bytes& out) {
    if (positions.empty()) return 0;
    const bool in_classes = may_use_classes(positions.size(), classes);
    LinesAhead ahead = was_searched ? LinesAhead(before, after) : LinesAhead();
    std::size_t flat_bytes = SIZE_MAX;
    std::size_t classes_bytes = SIZE_MAX;
    ahead.ask(kLinesOnTheWay);
    if (in_classes && was_searched)
        finish_map(kernels_, before, word_bytes, classes, scratch_->map);
    if (in_classes && !was_searched)
        map_classes(kernels_, before, word_bytes, classes, scratch_->map);
    with_word_type(word_bytes, [&](auto type) {
        const FoundChanges<decltype(type)> found{positions, before, after};
        if (in_classes) {
            plan_classes(found, classes, scratch_->map, scratch_->section_of.data(), ahead,
                         scratch_->classes);
            classes_bytes = scratch_->classes.finish(word_bytes, ahead);
        }
        // A flat tile is planned only where it may be no longer.
        if (!in_classes || (mode_ == CompactMode::smallest &&
                            scratch_->classes.fewest_flat_bytes(
                                word_bytes, positions.back() + 1u) <= classes_bytes)) {
            plan_flat(found, ahead, scratch_->flat);
            flat_bytes = scratch_->flat.finish(word_bytes, ahead);
        }
    });
    if (std::min(flat_bytes, classes_bytes) > after.size()) {
        out.push_back(static_cast<std::byte>(TileMode::raw));
        out.insert(out.end(), after.begin(), after.end());
    } else if (flat_bytes <= classes_bytes) {
        scratch_->flat.write(word_bytes, ahead, out);
    } else {
        scratch_->classes.write(word_bytes, ahead, out);
    }
    return positions.size();
}

std::size_t TileEncoder::encode(std::span<const std::byte> before, std::span<const std::byte> after,
                                std::size_t word_bytes, const ExponentClasses& classes,
                                Bytes& out) {
    require(before.size() == after.size() && before.size() <= kTileWords * word_bytes,
            "before and after are the same tile");
    const std::size_t changes = find(before, after, word_bytes, classes);
    return write_smallest(std::span(scratch_->positions).first(changes), before, after, word_bytes,
                          classes, true, out);
}

std::size_t TileEncoder::encode_found(std::span<const std::uint16_t> positions,
                                      std::span<const std::byte> before,
                                      std::span<const std::byte> after, std::size_t word_bytes,
                                      const ExponentClasses& classes, Bytes& out) {
    require(before.size() == after.size() && before.size() <= kTileWords * word_bytes,
            "before and after are the same tile");
    require(positions.empty() || positions.back() < before.size() / word_bytes,
            "positions fit their tile, ascending");
    return write_smallest(positions, before, after, word_bytes, classes, false, out);
}

std::size_t TileEncoder::encode(const TileChanges& changes, std::span<const std::byte> words,
                                std::size_t word_bytes, const ExponentClasses& classes,
                                Bytes& out) {
    require(words.size() <= kTileWords * word_bytes, "words are one tile's");
    require(changes.size() == 0 || changes.positions.back() < words.size() / word_bytes,
            "positions fit their tile, ascending");
    scratch_->before.assign(words.begin(), words.end());
    scratch_->after.assign(words.begin(), words.end());
    const auto write = [&](Bytes& to, std::span<const std::uint32_t> values) {
        for (std::size_t change = 0; change < values.size(); ++change) {
            std::memcpy(to.data() + changes.positions[change] * word_bytes, &values[change],
                        word_bytes);
        }
    };
    write(scratch_->before, changes.before);
    write(scratch_->after, changes.after);
    return write_smallest(changes.positions, scratch_->before, scratch_->after, word_bytes, classes,
                          false, out);
}

std::size_t TileEncoder::encode_flat(const TileChanges& changes, std::size_t tile_words,
                                     std::size_t word_bytes, Bytes& out) {
    require(tile_words <= kTileWords && changes.before.size() == changes.size() &&
                changes.after.size() == changes.size(),
            "one tile's changes, from what to what");
    require(changes.size() == 0 || changes.positions.back() < tile_words,
            "positions fit their tile, ascending");
    if (changes.size() == 0) return 0;
    TilePlan& plan = scratch_->flat;
    LinesAhead ahead;
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        plan_flat(ListedChanges<Word>{changes.positions, changes.before, changes.after}, ahead,
                  plan);
        const bool is_longer = plan.finish(word_bytes, ahead) > tile_words * word_bytes;
        if (!is_longer || changes.size() < tile_words) return plan.write(word_bytes, ahead, out);
        out.push_back(static_cast<std::byte>(TileMode::raw));
        const std::size_t start = out.size();
        out.resize(start + tile_words * word_bytes);
        for (std::size_t word = 0; word < tile_words; ++word) {
            store_word(out.data() + start + word * word_bytes,
                       static_cast<Word>(changes.after[word]));
        }
    });
    return changes.size();
}

}  // namespace dws
