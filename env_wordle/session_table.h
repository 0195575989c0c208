// The games of one server by their id: at most `capacity`, each forgotten when nobody has asked
// for it for `expiry_s`, and counted by who opened it. Every call takes constant time, whatever the
// number of games.
#pragma once

#include <cstddef>
#include <list>
#include <random>
#include <string>
#include <unordered_map>

#include "env_wordle/session.h"

namespace dws {

class SessionTable {
public:
    SessionTable(std::size_t capacity, double expiry_s);

    // now_s: seconds on a clock that never jumps, here and below. Null when the table is full.
    // The id is 64 random bits in hex: one client does not meet another's game by counting.
    const std::string* open(Session session, const std::string& client, double now_s);
    // Null when there is none; otherwise its idle time starts again. Valid until the next call.
    Session* find(const std::string& id, double now_s);
    bool close(const std::string& id);
    // Forgets what has been idle for too long; how many that were.
    std::size_t expire(double now_s);

    std::size_t size() const { return places_.size(); }
    std::size_t size_of(const std::string& client) const;

private:
    struct Entry {
        std::string id;
        std::string client;
        Session session;
        double used_s;
    };
    using Entries = std::list<Entry>;

    void forget(Entries::iterator entry);

    std::size_t capacity_;
    double expiry_s_;
    std::random_device random_;
    Entries entries_;  // longest idle first
    std::unordered_map<std::string, Entries::iterator> places_;
    std::unordered_map<std::string, std::size_t> sizes_;  // client -> its sessions, none of 0
};

}  // namespace dws
