// Text as Unicode has it, before a tokenizer cuts it up. Both return UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace dws {

// The text with U+FFFD for every part that is not UTF-8: one for each maximal beginning of a
// sequence that breaks off (The Unicode Standard, 3.9, "U+FFFD Substitution of Maximal Subparts";
// Python's errors="replace").
std::string valid_utf8(std::string_view text);

// Normalization form C. text: valid UTF-8. Linear but in runs of combining marks, where it is
// quadratic.
std::string nfc(std::string_view text);

}  // namespace dws
