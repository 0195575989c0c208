// The inbox, and somebody who says so when nothing comes out of it.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/event_log.h"
#include "sync/games/game_box.h"

namespace dws {

class GameSource {
public:
    // place: where games are looked for, for people. Inbox and log are not owned and outlive this.
    GameSource(GameInbox& inbox, std::string place, EventLog& log)
        : inbox_(inbox), place_(std::move(place)), log_(log) {}

    // The next group; empty after two seconds without one, or when stopped. Writes "waiting" after
    // two seconds and then every thirty, with `progress` ("12 of 32 groups").
    std::optional<ReceivedGroup> next(const std::string& progress, std::stop_token stop);

    // Nothing has come for much longer than groups take. A worker pauses when too many of its
    // groups are undecided: with fewer workers alive than that bound was chosen for, the rest of a
    // step would never come, and waiting for it would be waiting for ever.
    bool is_dry() const;
    // A step's groups are collected: the wait for the next one begins.
    void restart_clock() { idle_s_ = said_at_idle_s_ = 0; }
    // Waited in all since the last call.
    double take_waited_s();
    std::size_t queued() const { return inbox_.waiting(); }

private:
    void say_waiting(const std::string& progress);

    GameInbox& inbox_;
    const std::string place_;
    EventLog& log_;
    double idle_s_ = 0;          // waited since the last group, or since restart_clock()
    bool has_begun_ = false;     // a group has come; waiting for the first worker says nothing
    double useful_waits_s_ = 0;  // in all, of those that ended with a group
    double useful_waits_ = 0;
    double said_at_idle_s_ = 0;  // 0: not said during this wait
    double waited_s_ = 0;
};

}  // namespace dws
