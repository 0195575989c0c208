#include "configs/setting_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base/identity.h"
#include "base/require.h"

namespace dws {
namespace {

// Letters to insert, remove or replace to turn one key into the other (Levenshtein, 1965).
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);  // of the letters of `from` taken so far
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t taken = 0; taken < from.size(); ++taken) {
        std::size_t diagonal = row[0];
        row[0] = taken + 1;
        for (std::size_t index = 0; index < to.size(); ++index) {
            const std::size_t replaced = diagonal + (from[taken] == to[index] ? 0 : 1);
            diagonal = row[index + 1];
            row[index + 1] = std::min({replaced, row[index] + 1, diagonal + 1});
        }
    }
    return row.back();
}

[[noreturn]] void refuse(const std::string& key, const Setting& setting,
                         std::string_view expected) {
    std::string got = "'" + setting.text + "'";
    if (setting.kind == Setting::Kind::list) got = "a list";
    if (setting.kind == Setting::Kind::nothing) got = "nothing";
    throw std::runtime_error(setting.origin + ": " + key + ": expected " + std::string(expected) +
                             ", got " + got);
}

// parse_identity() says what a public key looks like, and does not repeat a private one.
void check_identity(const std::string& key, const Setting& setting, const std::string& text) {
    const Result<PublicIdentity> identity = parse_identity(text);
    if (!identity)
        throw std::runtime_error(setting.origin + ": " + key + ": " + identity.error().detail);
}

// At commas; of an empty text: nothing.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        parts.push_back(text.substr(begin, comma - begin));
        begin = comma + 1;
    }
    return parts;
}

// Empty unless the whole text is a number of this type.
template <class Number>
std::optional<Number> parsed(const std::string& text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return number;
}

}  // namespace

const Setting* SettingReader::find_any(const std::string& key) {
    const bool is_new = known_.insert(key).second;
    require(is_new, "a key is read once");
    const auto found = settings_.find(key);
    return found == settings_.end() ? nullptr : &found->second;
}

const Setting* SettingReader::find(const std::string& key, std::string_view expected) {
    const Setting* found = find_any(key);
    if (found != nullptr && found->kind != Setting::Kind::text) refuse(key, *found, expected);
    return found;
}

void SettingReader::text(const std::string& key, std::string& field) {
    if (const Setting* setting = find(key, "text (\"\" for none)")) field = setting->text;
}

void SettingReader::non_empty(const std::string& key, std::string& field) {
    const Setting* setting = find(key, "text");
    if (setting == nullptr) return;
    if (setting->text.empty()) refuse(key, *setting, "text");
    field = setting->text;
}

void SettingReader::choice(const std::string& key, std::string& field,
                           std::initializer_list<std::string_view> choices) {
    std::string expected;
    for (const std::string_view each : choices)
        expected += (expected.empty() ? "" : " | ") + std::string(each);
    const Setting* setting = find(key, expected);
    if (setting == nullptr) return;
    if (std::find(choices.begin(), choices.end(), setting->text) == choices.end())
        refuse(key, *setting, expected);
    field = setting->text;
}

void SettingReader::flag(const std::string& key, bool& field) {
    const Setting* setting = find(key, "true | false");
    if (setting == nullptr) return;
    if (setting->text != "true" && setting->text != "false") refuse(key, *setting, "true | false");
    field = setting->text == "true";
}

void SettingReader::identity(const std::string& key, std::string& field) {
    const Setting* setting = find(key, "the text of a public key");
    if (setting == nullptr) return;
    if (!setting->text.empty()) check_identity(key, *setting, setting->text);
    field = setting->text;
}

void SettingReader::identities(const std::string& key, std::vector<std::string>& field) {
    const Setting* setting = find_any(key);
    if (setting == nullptr) return;
    if (setting->kind == Setting::Kind::nothing) refuse(key, *setting, "a list of public keys");
    const bool is_list = setting->kind == Setting::Kind::list;
    std::vector<std::string> texts = is_list ? setting->items : split(setting->text);
    for (const std::string& text : texts) check_identity(key, *setting, text);
    field = std::move(texts);
}

void SettingReader::seed(const std::string& key, std::uint64_t& field) {
    constexpr std::string_view expected = "an integer from 0 to 2^64 - 1";
    const Setting* setting = find(key, expected);
    if (setting == nullptr) return;
    const auto value = parsed<std::uint64_t>(setting->text);
    if (!value) refuse(key, *setting, expected);
    field = *value;
}

void SettingReader::count(const std::string& key, std::int64_t& field, std::int64_t least,
                          std::int64_t most) {
    const Setting* setting = find(key, "an integer");
    if (setting == nullptr) return;
    const auto value = parsed<std::int64_t>(setting->text);
    if (!value) refuse(key, *setting, "an integer");
    if (*value < least || *value > most)
        refuse(key, *setting,
               "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    field = *value;
}

void SettingReader::number(const std::string& key, double& field, std::string_view expected,
                           bool (*is_allowed)(double)) {
    const Setting* setting = find(key, expected);
    if (setting == nullptr) return;
    const auto value = parsed<double>(setting->text);
    if (!value || !std::isfinite(*value) || !is_allowed(*value)) refuse(key, *setting, expected);
    field = *value;
}

void SettingReader::number(const std::string& key, double& field) {
    number(key, field, "a number", [](double) { return true; });
}

void SettingReader::at_least_0(const std::string& key, double& field) {
    number(key, field, "a number of at least 0", [](double value) { return value >= 0; });
}

void SettingReader::above_0(const std::string& key, double& field) {
    number(key, field, "a number above 0", [](double value) { return value > 0; });
}

void SettingReader::share(const std::string& key, double& field) {
    number(key, field, "a number from 0 to 1",
           [](double value) { return value >= 0 && value <= 1; });
}

void SettingReader::share_below_1(const std::string& key, double& field) {
    number(key, field, "a number from 0 to below 1",
           [](double value) { return value >= 0 && value < 1; });
}

void SettingReader::finish() const {
    for (const auto& [key, setting] : settings_) {
        if (known_.contains(key)) continue;
        const bool is_empty_section = setting.kind == Setting::Kind::nothing && is_section(key);
        if (is_empty_section) continue;
        if (is_section(key)) refuse(key, setting, "keys below it");
        throw std::runtime_error(setting.origin + ": unknown key '" + key + "'; did you mean '" +
                                 nearest(key) + "'?");
    }
}

std::string SettingReader::nearest(const std::string& key) const {
    require(!known_.empty(), "some key has been read");
    return *std::min_element(known_.begin(), known_.end(),
                             [&](const std::string& a, const std::string& b) {
                                 return distance(key, a) < distance(key, b);
                             });
}

bool SettingReader::is_section(const std::string& key) const {
    const auto below = known_.lower_bound(key + ".");
    return below != known_.end() && below->starts_with(key + ".");
}

}  // namespace dws
