#include "sync/tool/output.h"

#include <fmt/format.h>

#include <cstdio>
#include <type_traits>

#include "sync/checkpoint/path.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

std::string quoted(const std::string& text) {
    const bool is_text = is_utf8(text);
    std::string line = "\"";
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (letter == '"' || letter == '\\')
            line += fmt::format("\\{}", letter);
        else if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !is_text))
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

// Control characters of foreign names would speak to the terminal.
std::string visible(const std::string& line) {
    std::string text;
    for (const char letter : line) {
        const auto byte = static_cast<unsigned char>(letter);
        text +=
            byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, letter);
    }
    return text;
}

const char* local_action(Fault fault) {
    switch (fault) {
        case Fault::missing:
            return "check the path";
        case Fault::corrupt:
            return "mend it or name another";
        case Fault::wrong_base:
            return "nothing was written; name the checkpoint that the delta was made from";
        case Fault::transport:
        case Fault::untrusted:
        case Fault::superseded:
            return "if it was not stopped, check the disk and its rights, then try again";
    }
    return "try again";
}

}  // namespace

std::string json_line(const Facts& facts) {
    std::string line;
    for (const auto& [name, value] : facts)
        line += fmt::format("{}{}:{}", line.empty() ? "{" : ",", quoted(name), json_value(value));
    return line.empty() ? "{}" : line + "}";
}

void print_line(const std::string& line) {
    fmt::print(stdout, "{}\n", visible(line));
    std::fflush(stdout);
}

void print_error(const std::string& line) { fmt::print(stderr, "dws: {}\n", visible(line)); }

int fail(const std::string& line, bool is_json) {
    if (is_json) print_line(json_line({{"ok", false}, {"problem", line}}));
    print_error(line);
    return kExitProblem;
}

int fail(const Error& error, bool is_json) { return fail(final_line(error), is_json); }

int fail_locally(const std::string& what, const Error& error, bool is_json) {
    return fail(fmt::format("{}: {}; {}", what, error.detail, local_action(error.fault)), is_json);
}

std::string with_commas(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, ",");
    return text;
}

}  // namespace dws
