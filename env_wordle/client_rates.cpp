#include "env_wordle/client_rates.h"

#include <algorithm>
#include <iterator>

namespace dws {

ClientRates::ClientRates(double requests_per_second)
    : per_second_(requests_per_second), most_(std::max(1.0, requests_per_second)) {}

bool ClientRates::take(const std::string& client, double now_s) {
    Entry& entry = entry_of(client, now_s);
    entry.tokens = std::min(most_, entry.tokens + per_second_ * (now_s - entry.filled_s));
    entry.filled_s = now_s;
    if (entry.tokens < 1) return false;
    entry.tokens -= 1;
    return true;
}

ClientRates::Entry& ClientRates::entry_of(const std::string& client, double now_s) {
    const auto known = places_.find(client);
    if (known != places_.end()) {
        entries_.splice(entries_.end(), entries_, known->second);
        return entries_.back();
    }
    if (places_.size() >= kClientsMax) {
        places_.erase(entries_.front().client);
        entries_.pop_front();
    }
    entries_.push_back({client, most_, now_s});
    places_.emplace(client, std::prev(entries_.end()));
    return entries_.back();
}

}  // namespace dws
