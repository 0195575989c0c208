#include "env_wordle/session_table.h"

#include <fmt/format.h>

#include <utility>

namespace dws {

SessionTable::SessionTable(std::size_t capacity, double expiry_s)
    : capacity_(capacity), expiry_s_(expiry_s) {}

const std::string* SessionTable::open(Session session, const std::string& client, double now_s) {
    if (size() >= capacity_) return nullptr;
    std::string id = fmt::format("{:08x}{:08x}", random_(), random_());
    if (places_.contains(id)) return nullptr;  // once in 2^64 / sessions: the client tries again
    entries_.push_back({std::move(id), client, std::move(session), now_s});
    const Entries::iterator last = std::prev(entries_.end());
    places_.emplace(last->id, last);
    sizes_[client] += 1;
    return &last->id;
}

Session* SessionTable::find(const std::string& id, double now_s) {
    const auto place = places_.find(id);
    if (place == places_.end()) return nullptr;
    const Entries::iterator entry = place->second;
    entry->used_s = now_s;
    entries_.splice(entries_.end(), entries_, entry);
    return &entry->session;
}

bool SessionTable::close(const std::string& id) {
    const auto place = places_.find(id);
    if (place == places_.end()) return false;
    forget(place->second);
    return true;
}

std::size_t SessionTable::expire(double now_s) {
    std::size_t expired = 0;
    for (; !entries_.empty() && entries_.front().used_s + expiry_s_ < now_s; ++expired)
        forget(entries_.begin());
    return expired;
}

std::size_t SessionTable::size_of(const std::string& client) const {
    const auto known = sizes_.find(client);
    return known == sizes_.end() ? 0 : known->second;
}

void SessionTable::forget(Entries::iterator entry) {
    const auto size = sizes_.find(entry->client);
    if (--size->second == 0) sizes_.erase(size);
    places_.erase(entry->id);
    entries_.erase(entry);
}

}  // namespace dws
