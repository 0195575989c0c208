// How a version's changes are written down (FORMAT.md, "Interchange delta"; FORMAT_COMPACT.md).
#pragma once

#include <optional>
#include <string_view>

namespace dws {

enum class Encoding {
    raw,        // interchange: positions and new words
    gap_delta,  // interchange: gaps and new words
    flat,       // compact: least work for a receiver's CPU
    classes,    // compact: least bytes; the receiver reads every word
    smallest,   // compact: per tile the smaller of the two
};

// "raw", "gap_delta", "f", "x", "auto"; empty for anything else.
std::optional<Encoding> encoding_named(std::string_view name);
const char* name_of(Encoding encoding);

// Compact deltas are steps from the base's words: they are made and read with these at hand.
inline bool is_compact(Encoding encoding) { return encoding >= Encoding::flat; }

}  // namespace dws
