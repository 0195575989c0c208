// Reads settings into typed fields. Every key is asked for once; what was written but never asked
// for is unknown, and finish() says which known key comes nearest.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "configs/setting.h"

namespace dws {

// Every reader throws std::runtime_error "ORIGIN: KEY: expected ..., got ..." when the value has
// another form or leaves its range, and does not touch the field when the key is absent.
class SettingReader {
public:
    // Counts are handed on as int by those who use them.
    static constexpr std::int64_t kMostCount = 1'000'000'000;

    explicit SettingReader(Settings settings) : settings_(std::move(settings)) {}

    void text(const std::string& key, std::string& field);
    void non_empty(const std::string& key, std::string& field);
    void choice(const std::string& key, std::string& field,
                std::initializer_list<std::string_view> choices);
    void flag(const std::string& key, bool& field);
    void seed(const std::string& key, std::uint64_t& field);
    void count(const std::string& key, std::int64_t& field, std::int64_t least,
               std::int64_t most = kMostCount);
    void number(const std::string& key, double& field);
    void at_least_0(const std::string& key, double& field);
    void above_0(const std::string& key, double& field);
    void share(const std::string& key, double& field);          // 0 to 1, both included
    void share_below_1(const std::string& key, double& field);  // 0 to 1, 1 excluded
    // Public keys, in the text of base/identity.h. A list, or one text with commas between them.
    void identity(const std::string& key, std::string& field);  // or "" for none
    void identities(const std::string& key, std::vector<std::string>& field);

    // Call after the last key: throws for the first setting that nobody asked for.
    void finish() const;

private:
    // Null when the key was not written. The value is text, for the callers' parsers.
    const Setting* find(const std::string& key, std::string_view expected);
    const Setting* find_any(const std::string& key);  // text, a list or nothing
    // expected: what is_allowed allows, in words.
    void number(const std::string& key, double& field, std::string_view expected,
                bool (*is_allowed)(double));
    std::string nearest(const std::string& key) const;
    bool is_section(const std::string& key) const;

    const Settings settings_;
    std::set<std::string> known_;
};

}  // namespace dws
