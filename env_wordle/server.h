// Many games behind one ZeroMQ ROUTER socket. One thread, one message at a time: a step costs
// microseconds, far less than the player's thinking. Nothing a client sends ends the server, and
// none takes all of it: a client is its public key, or without keys its connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/message_socket.h"
#include "env_wordle/client_rates.h"
#include "env_wordle/session_table.h"

namespace dws {

// A game takes some 300 bytes; a million of them still fits any machine.
inline constexpr std::size_t kSessionsCeiling = 1'000'000;

struct EnvOptions {
    std::string endpoint = "tcp://127.0.0.1:5555";
    Rules rules = Rules::open;
    WordList words;        // what counts as a word; holds the secrets
    WordList secrets;      // what may be the answer
    SocketKeys keys = {};  // who may connect
    std::size_t sessions_max = 256;
    std::size_t sessions_per_client = 256;
    double requests_per_second = 10'000;  // of one client
    double session_expiry_s = 300;        // a client that died gives its place back after this long
};

struct EnvStats {
    std::uint64_t requests = 0;     // messages answered, errors among them
    std::uint64_t malformed = 0;    // of these: not a request
    std::uint64_t turned_away = 0;  // of these: at capacity
    std::uint64_t slowed_down = 0;  // of these: the client asked too fast
    std::uint64_t games = 0;        // opened
    std::uint64_t finished = 0;     // of these: played to the end
    std::uint64_t won = 0;          // of these
    std::uint64_t expired = 0;
    std::uint64_t replies_dropped = 0;  // the client was gone
    std::size_t sessions = 0;           // now
};

class Server {
public:
    // Binds. Throws std::runtime_error when the endpoint is taken, is open to other machines
    // without keys, or the options make no game.
    explicit Server(EnvOptions options);

    // Serves until stop is requested; from one thread.
    void run(std::stop_token stop);

    std::string endpoint() const { return endpoint_; }  // the one really bound
    EnvStats stats() const;                             // from any thread

private:
    void answer(const Frames& frames, double now_s);
    EnvReply reply_to(const Frames& frames, const std::string& client, double now_s);
    EnvReply serve(const EnvRequest& request, const std::string& client, double now_s);
    EnvReply reset(const EnvRequest& request, const std::string& client, double now_s);
    EnvReply step(const EnvRequest& request, Session& session);
    void publish_stats();

    const EnvOptions options_;
    MessageSocket socket_;
    const std::string endpoint_;
    SessionTable sessions_;
    ClientRates rates_;
    EnvStats counts_;  // the serving thread's own
    mutable std::mutex mutex_;
    EnvStats published_;  // guarded by mutex_
};

}  // namespace dws
