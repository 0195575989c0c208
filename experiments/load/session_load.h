// Many games at once against one environment, through the real protocol: every
// session plays whole games (reset, up to six steps, close) and has one call
// under way at a time.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "env_wordle/words.h"
#include "experiments/load/latencies.h"

namespace dws {

struct SessionLoad {
    std::string endpoint;
    int sessions = 256;
    int sockets = 4;      // the sessions are spread over them; each has a thread of its own
    double think_ms = 0;  // mean wait between a reply and the session's next call; 0: none
    double warm_s = 1;    // not measured, so that all sessions are open
    double seconds = 10;  // measured
    std::uint64_t seed = 1;
};

struct SessionCounts {
    Latencies latencies;         // of the calls answered in the measured time, from send
                                 // to reply
    std::uint64_t requests = 0;  // answered, in all the time
    std::uint64_t games = 0;     // played to the end, in all the time
    std::uint64_t won = 0;       // of these
    double measured_s = 0;

    double requests_per_s() const { return static_cast<double>(latencies.count()) / measured_s; }
};

// Guesses are words drawn from the list: a player that thinks would load the
// clients, not the server. Throws std::runtime_error when a reply is an error,
// is not one, or does not come. Every session is closed when this returns.
SessionCounts play_sessions(const SessionLoad& load, const WordList& words, std::stop_token stop);

}  // namespace dws
