#include "sync/tool/output.h"

#include <fmt/format.h>

#include <cstdio>
#include <type_traits>

namespace dws {
namespace {

std::string quoted(const std::string& text) {
    std::string line = "\"";
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\')
            line += fmt::format("\\{}", letter);
        else if (byte < 0x20 || byte > 0x7e)
            line += fmt::format("\\u{:04x}", byte);
        else
            line += letter;
    }
    return line + "\"";
}

std::string json_value(const FactValue& value) {
    return std::visit(
        [](const auto& held) -> std::string {
            using Held = std::decay_t<decltype(held)>;
            if constexpr (std::is_same_v<Held, std::string>)
                return quoted(held);
            else
                return fmt::format("{}", held);
        },
        value);
}

}  // namespace

std::string json_line(const Facts& facts) {
    std::string line;
    for (const auto& [name, value] : facts)
        line += fmt::format("{}{}:{}", line.empty() ? "{" : ",", quoted(name), json_value(value));
    return line.empty() ? "{}" : line + "}";
}

void print_line(const std::string& line) {
    fmt::print(stdout, "{}\n", line);
    std::fflush(stdout);
}

void print_error(const std::string& line) { fmt::print(stderr, "dws: {}\n", line); }

}  // namespace dws
