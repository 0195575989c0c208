// How fast each client may ask: a bucket of tokens for each, one second's worth, refilled evenly.
// Remembers a bounded number of clients; who was forgotten starts with a full bucket, as does who
// was idle for a second.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

namespace dws {

class ClientRates {
public:
    // A name takes at most 300 bytes.
    static constexpr std::size_t kClientsMax = 10'000;

    explicit ClientRates(double requests_per_second);

    // Whether the client may ask now. now_s: on a clock that never jumps. Constant time.
    bool take(const std::string& client, double now_s);
    std::size_t clients() const { return places_.size(); }

private:
    struct Entry {
        std::string client;
        double tokens;
        double filled_s;  // when tokens were counted last
    };
    using Entries = std::list<Entry>;

    Entry& entry_of(const std::string& client, double now_s);

    const double per_second_;
    const double most_;
    Entries entries_;  // longest silent first
    std::unordered_map<std::string, Entries::iterator> places_;
};

}  // namespace dws
