#include "experiments/wire/sparse_streams.h"

#include <algorithm>

#include "sync/codec/bit_positions.h"
#include "sync/codec/compact_kernels.h"
#include "sync/words.h"

namespace dws {

namespace {

// Both versions of so many words fit L2, so that values are read while they are there.
constexpr std::size_t kWindowWords = 65'536;

std::size_t offset_of(std::size_t position) { return 2 * position; }

// One window's changes, written behind those of the windows before.
struct Window {
    const std::byte* base;
    const std::byte* next;
    std::size_t first;                         // its first word in the run
    std::span<const std::uint16_t> positions;  // ascending, within the window
};

void put_absolute(const Window& window, std::byte* to) {
    for (std::size_t change = 0; change < window.positions.size(); ++change) {
        store_word(to + 4 * change,
                   static_cast<std::int32_t>(window.first + window.positions[change]));
    }
}

// expected: the position after a gap of 0. False when a gap does not fit: only the first can be as
// wide as that.
template <class Gap>
bool put_gaps(const Window& window, std::size_t expected, std::byte* to) {
    const std::size_t first_gap = window.first + window.positions[0] - expected;
    store_word(to, static_cast<Gap>(first_gap));
    for (std::size_t change = 1; change < window.positions.size(); ++change) {
        store_word(to + sizeof(Gap) * change,
                   static_cast<Gap>(window.positions[change] - window.positions[change - 1] - 1));
    }
    return static_cast<Gap>(first_gap) == first_gap;
}

template <bool HasXors>
void put_values(const Window& window, std::byte* to) {
    for (std::size_t change = 0; change < window.positions.size(); ++change) {
        const std::size_t offset = offset_of(window.positions[change]);
        auto value = load_word<std::uint16_t>(window.next + offset);
        if constexpr (HasXors) value ^= load_word<std::uint16_t>(window.base + offset);
        store_word(to + 2 * change, value);
    }
}

// Grows by half at least, so that a first run costs few copies.
std::byte* grow(Bytes& buffer, std::size_t bytes) {
    if (buffer.size() < bytes) buffer.resize(std::max(bytes, buffer.size() * 3 / 2));
    return buffer.data();
}

// False when gaps of 2 bytes are too narrow for this run.
bool collect(const SparseForm& form, std::span<const std::byte> base,
             std::span<const std::byte> next, std::vector<std::uint16_t>& found,
             SparseStreams& streams) {
    streams.changes = 0;
    std::size_t expected = 0;
    const std::size_t words = base.size() / 2;
    for (std::size_t first = 0; first < words; first += kWindowWords) {
        Window window{base.data() + offset_of(first), next.data() + offset_of(first), first, {}};
        const std::size_t blocks = std::min(kWindowWords, words - first) / kBlockWords;
        const std::size_t count =
            compact_kernels().find_changes(window.base, window.next, 2, blocks, 0, found.data());
        if (count == 0) continue;
        window.positions = std::span(found).first(count);
        const std::size_t width = streams.position_bytes;
        std::byte* positions = grow(streams.positions, width * (streams.changes + count));
        positions += width * streams.changes;
        if (!form.has_gaps) {
            put_absolute(window, positions);
        } else if (width == 4) {
            put_gaps<std::uint32_t>(window, expected, positions);
        } else if (!put_gaps<std::uint16_t>(window, expected, positions)) {
            return false;
        }
        std::byte* values = grow(streams.values, 2 * (streams.changes + count));
        values += 2 * streams.changes;
        if (form.has_xors) {
            put_values<true>(window, values);
        } else {
            put_values<false>(window, values);
        }
        streams.changes += count;
        expected = first + window.positions.back() + 1;
    }
    return true;
}

template <bool HasXors>
void write_value(std::byte* word, const std::byte* value) {
    auto next = load_word<std::uint16_t>(value);
    if constexpr (HasXors) next ^= load_word<std::uint16_t>(word);
    store_word(word, next);
}

template <bool HasXors>
void scatter(const std::byte* positions, const std::byte* values, std::size_t changes,
             std::byte* words) {
    for (std::size_t change = 0; change < changes; ++change) {
        const auto position = load_word<std::uint32_t>(positions + 4 * change);
        write_value<HasXors>(words + offset_of(position), values + 2 * change);
    }
}

template <class Gap, bool HasXors>
void scatter_gaps(const std::byte* gaps, const std::byte* values, std::size_t changes,
                  std::byte* words) {
    for (std::size_t change = 0; change < changes; ++change) {
        words += offset_of(load_word<Gap>(gaps + sizeof(Gap) * change));
        write_value<HasXors>(words, values + 2 * change);
        words += 2;
    }
}

template <bool HasXors>
void scatter_form(bool has_gaps, const std::byte* positions, const std::byte* values,
                  std::size_t changes, std::size_t position_bytes, std::byte* words) {
    if (!has_gaps) {
        scatter<HasXors>(positions, values, changes, words);
    } else if (position_bytes == 4) {
        scatter_gaps<std::uint32_t, HasXors>(positions, values, changes, words);
    } else {
        scatter_gaps<std::uint16_t, HasXors>(positions, values, changes, words);
    }
}

}  // namespace

std::byte* room_for(Bytes& buffer, std::size_t bytes) {
    if (buffer.size() < bytes) buffer.resize(bytes);
    return buffer.data();
}

void collect_changes(const SparseForm& form, std::span<const std::byte> base,
                     std::span<const std::byte> next, std::vector<std::uint16_t>& found,
                     SparseStreams& streams) {
    found.resize(kWindowWords + kPositionSlack);
    streams.position_bytes = form.has_gaps ? 2 : 4;
    if (collect(form, base, next, found, streams)) return;
    streams.position_bytes = 4;
    collect(form, base, next, found, streams);
}

void scatter_changes(const SparseForm& form, const std::byte* positions, const std::byte* values,
                     std::size_t changes, std::size_t position_bytes, std::byte* words) {
    if (form.has_xors) {
        scatter_form<true>(form.has_gaps, positions, values, changes, position_bytes, words);
    } else {
        scatter_form<false>(form.has_gaps, positions, values, changes, position_bytes, words);
    }
}

}  // namespace dws
