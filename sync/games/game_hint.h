// What a worker rings the doorbell with: "group 7 of w1". A hint may be lost, or anybody's: it says
// where to look, never what is there.
#pragma once

#include <cstdint>
#include <string>

namespace dws {

inline std::string game_hint(const std::string& worker, std::int64_t number) {
    return "group " + std::to_string(number) + " of " + worker;
}

// Empty when it names none.
inline std::string worker_of_hint(const std::string& hint) {
    const std::size_t space = hint.rfind(' ');
    const bool is_named = space != std::string::npos && hint.substr(0, space).ends_with(" of");
    return is_named ? hint.substr(space + 1) : "";
}

}  // namespace dws
