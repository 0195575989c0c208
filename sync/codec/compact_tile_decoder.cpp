#include "sync/codec/compact_tile_decoder.h"

#include <algorithm>
#include <string>

#include "base/require.h"
#include "sync/codec/compact_tile_reader.h"
#include "sync/words.h"

namespace dws {

namespace {

Error corrupt(const char* what) { return Error{Fault::corrupt, std::string("tile: ") + what}; }

}  // namespace

TileDecoder::TileDecoder(const CompactKernels& kernels)
    : kernels_(kernels), reader_(std::make_unique_for_overwrite<TileReader>()) {}

TileDecoder::~TileDecoder() = default;

namespace {

bool is_raw(std::span<const std::byte> tile) {
    return tile[0] == static_cast<std::byte>(TileMode::raw);
}

// All words are given; those that differ are the changes.
template <class Word>
void list_raw(const std::byte* after, std::span<const std::byte> words, TileChanges& changes) {
    for (std::size_t offset = 0; offset < words.size(); offset += sizeof(Word)) {
        const Word old = load_word<Word>(words.data() + offset);
        const Word next = load_word<Word>(after + offset);
        if (old == next) continue;
        changes.positions.push_back(static_cast<std::uint16_t>(offset / sizeof(Word)));
        changes.before.push_back(old);
        changes.after.push_back(next);
    }
}

}  // namespace

Result<Done> TileDecoder::decode(std::span<const std::byte> tile, std::span<const std::byte> words,
                                 std::size_t word_bytes, const ExponentClasses& classes,
                                 TileChanges& changes) {
    require(words.size() <= kTileWords * word_bytes, "words are one tile's");
    changes = TileChanges{};
    if (tile.empty()) return Done{};
    if (is_raw(tile)) {
        if (tile.size() != 1 + words.size()) return corrupt("not all of its words");
        with_word_type(word_bytes, [&](auto type) {
            list_raw<decltype(type)>(tile.data() + 1, words, changes);
        });
        return Done{};
    }
    const Result<Done> sound = reader_->read(tile, words, word_bytes, classes, kernels_);
    if (!sound) return sound.error();
    const std::span<const std::uint16_t> ascending = reader_->sort_positions();
    const std::size_t count = reader_->header.changes();
    if (ascending.size() != count) return corrupt("a position comes twice");
    changes.positions.assign(ascending.begin(), ascending.end());
    changes.before.resize(count);
    changes.after.resize(count);
    return with_word_type(word_bytes, [&](auto type) -> Result<Done> {
        using Word = decltype(type);
        bool all_change = true;
        for (std::size_t index = 0; index < count; ++index) {
            const std::size_t position = ascending[index];
            const std::uint32_t step = reader_->steps[reader_->change_at[position]];
            const auto before = load_word<Word>(words.data() + position * sizeof(Word));
            changes.before[index] = before;
            changes.after[index] = static_cast<Word>(before + step);
            all_change &= static_cast<Word>(step) != 0;
        }
        if (!all_change) return corrupt("a listed word does not change");
        return Done{};
    });
}

Result<Done> TileDecoder::read(std::span<const std::byte> tile, std::span<const std::byte> words,
                               std::size_t word_bytes, const ExponentClasses& classes) {
    require(words.size() <= kTileWords * word_bytes, "words are one tile's");
    raw_ = {};
    reader_->header = TileHeader{};
    if (tile.empty()) return Done{};
    if (!is_raw(tile)) return reader_->read(tile, words, word_bytes, classes, kernels_);
    if (tile.size() != 1 + words.size()) return corrupt("not all of its words");
    raw_ = tile.subspan(1);
    return Done{};
}

void TileDecoder::write(std::span<std::byte> words, std::size_t word_bytes) {
    if (!raw_.empty()) {
        std::copy(raw_.begin(), raw_.end(), words.begin());
        return;
    }
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        const std::size_t changes = reader_->header.changes();
        const std::uint16_t* positions = reader_->positions.data();
        const std::uint32_t* steps = reader_->steps.data();
        for (std::size_t change = 0; change < changes; ++change) {
            std::byte* word = words.data() + positions[change] * sizeof(Word);
            store_word(word, static_cast<Word>(load_word<Word>(word) + steps[change]));
        }
    });
}

void TileDecoder::write(std::span<std::byte> words, std::size_t word_bytes, TileChanges& changes) {
    with_word_type(word_bytes, [&](auto type) {
        using Word = decltype(type);
        if (!raw_.empty()) {
            changes = TileChanges{};
            list_raw<Word>(raw_.data(), words, changes);
            return write(words, word_bytes);
        }
        const std::size_t count = reader_->header.changes();
        changes.positions.assign(reader_->positions.begin(),
                                 reader_->positions.begin() + static_cast<std::ptrdiff_t>(count));
        changes.before.resize(count);
        changes.after.resize(count);
        const std::uint16_t* positions = changes.positions.data();
        const std::uint32_t* steps = reader_->steps.data();
        std::uint32_t* before = changes.before.data();
        std::uint32_t* after = changes.after.data();
        for (std::size_t change = 0; change < count; ++change) {
            std::byte* word = words.data() + positions[change] * sizeof(Word);
            before[change] = load_word<Word>(word);
            after[change] = static_cast<Word>(before[change] + steps[change]);
            store_word(word, static_cast<Word>(after[change]));
        }
    });
}

Result<Done> TileDecoder::patch(std::span<const std::byte> tile, std::span<std::byte> words,
                                std::size_t word_bytes, const ExponentClasses& classes) {
    const Result<Done> sound = read(tile, words, word_bytes, classes);
    if (sound) write(words, word_bytes);
    return sound;
}

}  // namespace dws
