#include "sync/codec/encoding.h"

#include <array>
#include <utility>

namespace dws {
namespace {

constexpr std::array<std::pair<std::string_view, Encoding>, 5> kNames{{
    {"raw", Encoding::raw},
    {"gap_delta", Encoding::gap_delta},
    {"f", Encoding::flat},
    {"x", Encoding::classes},
    {"auto", Encoding::smallest},
}};

}  // namespace

std::optional<Encoding> encoding_named(std::string_view name) {
    for (const auto& [known, encoding] : kNames)
        if (known == name) return encoding;
    return std::nullopt;
}

const char* name_of(Encoding encoding) {
    for (const auto& [name, known] : kNames)
        if (known == encoding) return name.data();
    return "?";
}

}  // namespace dws
