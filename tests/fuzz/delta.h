// What must hold whatever bytes the decoders of deltas and anchors are given: after a fault
// nothing is written; after success counts agree, positions are in range, and the same changes can
// be encoded again. A broken promise ends the program: the fuzzer keeps the input, the replay of
// the corpus fails.
#pragma once

#include <algorithm>
#include <string>

#include "base/require.h"
#include "base/safetensors.h"
#include "sync/codec/compact.h"
#include "sync/codec/interchange.h"
#include "sync/digest.h"
#include "tests/fuzz/delta_table.h"

namespace dws {

inline const DeltaTable& delta_table() {
    static const DeltaTable made;
    return made;
}

inline void check_fault(const Result<Done>& result) {
    require(bool(result) || result.error().fault == Fault::corrupt,
            "foreign bytes are at worst corrupt");
}

inline bool are_same_changes(const Changes& left, const Changes& right) {
    return std::ranges::equal(left, right, [](const auto& a, const auto& b) {
        return a.first == b.first && a.second.positions == b.second.positions &&
               a.second.before == b.second.before && a.second.after == b.second.after;
    });
}

// Positions fit their tiles and ascend. has_before: `before` holds the base's words, which change.
inline void check_changes(const Changes& changes, bool has_before) {
    const DeltaTable& held = delta_table();
    for (const auto& [index, list] : changes) {
        require(index < held.table.tiles(), "a changed tile is in the table");
        const Tile tile = held.table.tile(index);
        require(list.size() > 0, "a tile that is listed has changes");
        require(list.after.size() == list.size(), "a new word per change");
        require(list.before.size() == (has_before ? list.size() : 0), "old words: all or none");
        for (std::size_t change = 0; change < list.size(); ++change) {
            require(list.positions[change] < tile.words, "a position is in its tile");
            require(change == 0 || list.positions[change - 1] < list.positions[change],
                    "positions ascend");
            if (!has_before) continue;
            const std::uint32_t word = read_word(held.base, tile, list.positions[change]);
            require(list.before[change] == word, "`before` is the base's word");
            require(list.after[change] != word, "a listed word changes");
        }
    }
}

// What the changes add to the version's digest.
inline Digest digest_of(const ArrayTable& table, const Changes& changes) {
    Digest added;
    for (const auto& [index, list] : changes) added += digest_change(table, index, list);
    return added;
}

inline std::uint64_t claimed_changes(std::span<const std::byte> file, const std::string& name) {
    return std::stoull(SafetensorsView::parse(file)->metadata().at(name));
}

inline bool fuzz_interchange_delta(std::span<const std::byte> file) {
    const DeltaTable& held = delta_table();
    Changes changes;
    const Result<Done> decoded = decode_delta(held.table, file, held.version, changes);
    check_fault(decoded);
    if (!decoded) {
        require(changes.empty(), "a refused delta adds no change");
        return false;
    }
    check_changes(changes, false);
    require(count(changes) == claimed_changes(file, "total_changed_elements"), "counts agree");
    Changes twice = changes;
    const Result<Done> repeated = decode_delta(held.table, file, held.version, twice);
    require(bool(repeated) == changes.empty(), "an array comes once");
    require(are_same_changes(twice, changes), "a refused delta adds no change");
    for (const Encoding encoding : {Encoding::raw, Encoding::gap_delta}) {
        encode_delta(held.table, changes, held.version, encoding, SIZE_MAX, [&](const Bytes& made) {
            Changes again;
            require(bool(decode_delta(held.table, made, held.version, again)) &&
                        are_same_changes(again, changes),
                    "what was decoded can be encoded");
            return true;
        });
    }
    return true;
}

inline bool fuzz_anchor(std::span<const std::byte> file) {
    const DeltaTable& held = delta_table();
    const std::size_t arrays = held.table.layout().specs().size();
    Bytes words = held.base;
    std::vector<bool> has_array(arrays, false);
    const Result<Done> decoded = decode_anchor(held.table, file, words, has_array);
    check_fault(decoded);
    if (!decoded) {
        require(words == held.base, "a refused anchor writes nothing");
        require(has_array == std::vector<bool>(arrays, false), "a refused anchor marks nothing");
        return false;
    }
    Bytes expected = held.base;
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    for (const TensorView& tensor : view->tensors()) {
        const std::size_t array = *held.table.layout().index_of(tensor.spec.name);
        require(has_array[array], "an array that came is marked");
        std::ranges::copy(tensor.data,
                          expected.begin() +
                              static_cast<std::ptrdiff_t>(held.table.layout().offset_bytes(array)));
    }
    require(words == expected, "an anchor's arrays are written, and nothing else");
    require(static_cast<std::size_t>(std::ranges::count(has_array, true)) == view->tensors().size(),
            "an array that did not come is not marked");
    return true;
}

inline bool fuzz_compact_delta(std::span<const std::byte> file) {
    const DeltaTable& held = delta_table();
    Changes changes;
    const Result<Done> decoded =
        decode_compact(held.table, file, held.version, held.base_version, held.base, changes);
    check_fault(decoded);
    check_changes(changes, true);
    Bytes patched = held.base;
    Digest added;
    const Result<Done> written =
        patch_compact(held.table, file, held.version, held.base_version, patched, 1, &added);
    check_fault(written);
    if (!decoded) return false;
    require(bool(written), "what decodes can be patched");
    require(count(changes) == claimed_changes(file, "changed_words"), "counts agree");
    Bytes expected = held.base;
    patch(held.table, changes, expected);
    require(patched == expected, "both ways lead to the same words");
    require(added == digest_of(held.table, changes), "both ways lead to the same digest");
    encode_compact(held.table, changes, held.base, held.version, held.base_version, {},
                   [&](const Bytes& made) {
                       Changes again;
                       require(bool(decode_compact(held.table, made, held.version,
                                                   held.base_version, held.base, again)) &&
                                   are_same_changes(again, changes),
                               "what was decoded can be encoded");
                       return true;
                   });
    return true;
}

// True when the bytes are a delta or an anchor of the table.
inline bool fuzz_delta(std::span<const std::byte> file) {
    if (!SafetensorsView::parse(file)) return false;  // which all three ask first
    const bool is_delta = fuzz_interchange_delta(file);
    const bool is_anchor = fuzz_anchor(file);
    const bool is_compact = fuzz_compact_delta(file);
    require(is_delta + is_anchor + is_compact <= 1, "no file has two meanings");
    return is_delta || is_anchor || is_compact;
}

}  // namespace dws
