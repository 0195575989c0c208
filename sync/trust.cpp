#include "sync/trust.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace dws {
namespace {

PublicIdentity key_of(const std::string& what, const std::string& text) {
    const Result<PublicIdentity> key = parse_identity(text);
    if (!key) throw std::runtime_error(fmt::format("{}: {}", what, key.error().detail));
    return *key;
}

std::vector<PublicIdentity> keys_of(const std::string& what,
                                    const std::vector<std::string>& texts) {
    std::vector<PublicIdentity> keys;
    for (const std::string& text : texts) keys.push_back(key_of(what, text));
    return keys;
}

}  // namespace

std::string KnownRecord::text() const { return fmt::format("{}:{}", sequence, sha256); }

Result<KnownRecord> parse_known_record(std::string_view text) {
    KnownRecord record;
    const auto [end, fault] =
        std::from_chars(text.data(), text.data() + text.size(), record.sequence);
    const std::size_t digits = static_cast<std::size_t>(end - text.data());
    if (fault == std::errc() && digits < text.size()) record.sha256 = text.substr(digits + 1);
    // One spelling: no leading zeros, lower-case digits.
    const bool is_hex = record.sha256.size() == 64 &&
                        record.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (is_hex && record.text() == text) return record;
    return Error{Fault::corrupt,
                 fmt::format("\"{:.100}\" names no record: it is its sequence number, ':' and its "
                             "SHA-256 in 64 lower-case digits; `dws log --json` prints it as name",
                             text)};
}

Trust trust_from(const TrustTexts& texts) {
    Trust trust;
    if (!texts.log.empty()) trust.log = key_of("the trainer's key", texts.log);
    if (!texts.since.empty()) {
        const Result<KnownRecord> since = parse_known_record(texts.since);
        if (!since) throw std::runtime_error("since: " + since.error().detail);
        if (!trust.log)
            throw std::runtime_error(
                "since: a record is named, but no trainer's key that signs those after it");
        trust.since = *since;
    }
    trust.jumps = keys_of("a compactor's key", texts.jumps);
    trust.games = keys_of("a worker's key", texts.games);
    trust.memory = texts.memory;
    return trust;
}

}  // namespace dws
