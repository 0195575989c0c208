#include "sync/codec_compact_tile_encoder.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/require.h"
#include "sync/bit_positions.h"
#include "sync/codec_compact_class_map.h"
#include "sync/codec_compact_plan.h"
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

    Word word_before(std::size_t position) const {
        return load_word<Word>(before.data() + position * sizeof(Word));
    }
    // slot: the change's index in the plan.
    void put(TilePlan& plan, std::size_t slot, std::size_t position, std::uint32_t gap) const {
        const Word next = load_word<Word>(after.data() + position * sizeof(Word));
        // Mod 2^bits, signed: for floats that keep their sign the distance in ulps, positive where
        // the magnitude grows.
        const auto step =
            static_cast<std::make_signed_t<Word>>(static_cast<Word>(next - word_before(position)));
        plan.set(slot, gap, step, kLongestStep<Word>, next);
    }
};

template <class Word>
void plan_flat(const FoundChanges<Word>& found, TilePlan& plan) {
    const auto count = static_cast<std::uint32_t>(found.positions.size());
    plan.begin(TileMode::flat, std::span(&count, 1));
    std::uint32_t expected = 0;  // the position after a gap of 0
    for (std::size_t change = 0; change < found.positions.size(); ++change) {
        const std::uint32_t position = found.positions[change];
        found.put(plan, change, position, position - expected);
        expected = position + 1;
    }
}

// section_of: room for every change.
template <class Word>
void plan_classes(const FoundChanges<Word>& found, const ExponentClasses& classes,
                  const ClassMap& map, std::uint8_t* section_of, TilePlan& plan) {
    const KeyClasses class_of = class_of_keys(classes);
    std::array<std::uint32_t, kMaxSections> counts{};
    for (std::size_t change = 0; change < found.positions.size(); ++change) {
        const std::uint32_t word = found.word_before(found.positions[change]);
        section_of[change] = class_of[(word << 1 >> (8 * sizeof(Word) - 8)) & 0xff];
        ++counts[section_of[change]];
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
        const std::uint32_t rank = section == classes.count ? static_cast<std::uint32_t>(position)
                                                            : rank_in_class(map, section, position);
        found.put(plan, slots[section]++, position, rank - expected[section]);
        expected[section] = rank + 1;
    }
}

}  // namespace

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
    : mode_(mode), kernels_(kernels), scratch_(std::make_unique<Scratch>()) {}

TileEncoder::~TileEncoder() = default;

std::size_t TileEncoder::encode_found(std::size_t changes, std::span<const std::byte> before,
                                      std::span<const std::byte> after, std::size_t word_bytes,
                                      const ExponentClasses& classes, Bytes& out) {
    if (changes == 0) return 0;
    const bool may_use_classes =
        classes.count > 0 &&
        (mode_ == CompactMode::smallest ||
         (mode_ == CompactMode::classes && changes >= kFewestChangesInClasses));
    std::size_t flat_bytes = SIZE_MAX;
    std::size_t classes_bytes = SIZE_MAX;
    if (may_use_classes) map_classes(kernels_, before, word_bytes, classes, scratch_->map);
    with_word_type(word_bytes, [&](auto type) {
        const FoundChanges<decltype(type)> found{std::span(scratch_->positions).first(changes),
                                                 before, after};
        if (may_use_classes) {
            plan_classes(found, classes, scratch_->map, scratch_->section_of.data(),
                         scratch_->classes);
            classes_bytes = scratch_->classes.finish(word_bytes);
        }
        if (!may_use_classes || mode_ == CompactMode::smallest) {
            plan_flat(found, scratch_->flat);
            flat_bytes = scratch_->flat.finish(word_bytes);
        }
    });
    if (std::min(flat_bytes, classes_bytes) > after.size()) {
        out.push_back(static_cast<std::byte>(TileMode::raw));
        out.insert(out.end(), after.begin(), after.end());
    } else if (flat_bytes <= classes_bytes) {
        scratch_->flat.write(word_bytes, out);
    } else {
        scratch_->classes.write(word_bytes, out);
    }
    return changes;
}

// The kernels read whole blocks, so the last words of an array go through a block of their own.
std::size_t TileEncoder::encode(std::span<const std::byte> before, std::span<const std::byte> after,
                                std::size_t word_bytes, const ExponentClasses& classes,
                                Bytes& out) {
    require(before.size() == after.size() && before.size() <= kTileWords * word_bytes,
            "before and after are the same tile");
    const std::size_t block_bytes = kBlockWords * word_bytes;
    const std::size_t blocks = before.size() / block_bytes;
    std::uint16_t* positions = scratch_->positions.data();
    std::size_t changes =
        kernels_.find_changes(before.data(), after.data(), word_bytes, blocks, 0, positions);
    if (const std::size_t rest = before.size() - blocks * block_bytes; rest > 0) {
        std::array<std::byte, kBlockWords * 4> last_before{};
        std::array<std::byte, kBlockWords * 4> last_after{};
        std::memcpy(last_before.data(), before.data() + blocks * block_bytes, rest);
        std::memcpy(last_after.data(), after.data() + blocks * block_bytes, rest);
        changes += kernels_.find_changes(last_before.data(), last_after.data(), word_bytes, 1,
                                         blocks * kBlockWords, positions + changes);
    }
    return encode_found(changes, before, after, word_bytes, classes, out);
}

std::size_t TileEncoder::encode(const TileChanges& changes, std::span<const std::byte> words,
                                std::size_t word_bytes, const ExponentClasses& classes,
                                Bytes& out) {
    require(words.size() <= kTileWords * word_bytes && changes.size() <= kTileWords,
            "words are one tile's");
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
    std::copy(changes.positions.begin(), changes.positions.end(), scratch_->positions.begin());
    return encode_found(changes.size(), scratch_->before, scratch_->after, word_bytes, classes,
                        out);
}

}  // namespace dws
