#include "sync/bucket/retry_after.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

namespace dws {

double unix_s_of_http_date(std::string_view date) {
    const std::string text(date);  // ends with a zero
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return 0;
    return std::max(0.0, static_cast<double>(::timegm(&parts)));
}

double rate_limit_reset_s(std::string_view value) {
    constexpr std::string_view name = ";t=";
    const std::size_t found = value.find(name);
    if (found == std::string_view::npos) return 0;
    unsigned seconds = 0;
    const std::string_view number = value.substr(found + name.size());
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), seconds);
    return parsed.ec == std::errc() ? seconds : 0.0;
}

double retry_after_s(std::string_view value, double now_unix_s) {
    unsigned long seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc() && end == value.data() + value.size())
        return static_cast<double>(seconds);
    const double until_s = unix_s_of_http_date(value);
    return until_s == 0 ? 0 : std::max(0.0, until_s - now_unix_s);
}

}  // namespace dws
