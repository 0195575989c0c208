#include "model/unicode_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/require.h"

namespace dws {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// What a lead byte announces (The Unicode Standard, table 3-7): the second byte has a range of its
// own, all later ones are 80..BF. length 0: no lead byte.
struct Announced {
    std::size_t length;
    std::uint8_t second_least;
    std::uint8_t second_most;
};

Announced announced_by(std::uint8_t lead) {
    if (lead < 0x80) return {1, 0, 0};
    if (lead < 0xc2 || lead > 0xf4) return {0, 0, 0};
    if (lead < 0xe0) return {2, 0x80, 0xbf};
    if (lead == 0xe0) return {3, 0xa0, 0xbf};  // below: a longer form of two bytes
    if (lead == 0xed) return {3, 0x80, 0x9f};  // above: surrogates
    if (lead < 0xf0) return {3, 0x80, 0xbf};
    if (lead == 0xf0) return {4, 0x90, 0xbf};  // below: a longer form of three bytes
    if (lead == 0xf4) return {4, 0x80, 0x8f};  // above: past U+10FFFF
    return {4, 0x80, 0xbf};
}

// How many of the announced bytes stand at the start of `text`, which is not empty.
std::size_t fitting_bytes(std::string_view text, const Announced& announced) {
    std::size_t fitting = 1;
    while (fitting < std::min(announced.length, text.size())) {
        const auto byte = static_cast<std::uint8_t>(text[fitting]);
        const std::uint8_t least = fitting == 1 ? announced.second_least : std::uint8_t{0x80};
        const std::uint8_t most = fitting == 1 ? announced.second_most : std::uint8_t{0xbf};
        if (byte < least || byte > most) break;
        ++fitting;
    }
    return fitting;
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const Announced announced = announced_by(static_cast<std::uint8_t>(text[0]));
        const std::size_t fitting = fitting_bytes(text, announced);
        valid += fitting == announced.length ? text.substr(0, fitting) : kReplacement;
        text.remove_prefix(fitting);
    }
    return valid;
}

std::string nfc(std::string_view text) {
    if (is_ascii(text)) return std::string(text);
    utf8proc_uint8_t* composed = nullptr;
    const utf8proc_ssize_t size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                     static_cast<utf8proc_ssize_t>(text.size()), &composed,
                     static_cast<utf8proc_option_t>(int{UTF8PROC_STABLE} | int{UTF8PROC_COMPOSE}));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
    if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
    require(size >= 0, "only valid UTF-8 is normalised");
    return {reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size)};
}

}  // namespace dws
