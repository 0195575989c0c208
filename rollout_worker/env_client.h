// The worker's line to the environment: many games over one socket, no call ever waits for its
// reply. A call whose reply does not come in time is lost, and so is its game: whether the guess
// was counted cannot be known, so it is not said twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/message_socket.h"
#include "env_wordle/protocol.h"

namespace dws {

struct EnvClientOptions {
    std::string endpoint;
    SocketKeys keys = {};
    double reply_timeout_s = 5;    // far above any network, short beside a game of minutes
    double capacity_wait_s = 0.2;  // before a reset is tried again that found no free session, or
                                   // a call that came too fast
};

// What became of a call.
struct EnvAnswer {
    std::uint64_t game = 0;         // the caller's name for it
    std::optional<EnvReply> reply;  // empty: lost
};

// For the one thread that plays.
class EnvClient {
public:
    explicit EnvClient(EnvClientOptions options);

    // One call of a game at a time. Resets wait here while the environment is at capacity, and
    // but for one while it does not answer at all, so that it is not flooded when it comes back.
    void reset(std::uint64_t game, std::uint64_t seed);
    void step(std::uint64_t game, const std::string& session, const std::string& text);
    // Gives a session back; no answer comes.
    void close(const std::string& session);
    // Forgets what was asked for: late replies only close their sessions.
    void forget_all();

    // Replies that came and calls that were lost; waits for the first of them at most `wait`.
    std::vector<EnvAnswer> poll(std::chrono::milliseconds wait);

    bool is_answering() const { return is_answering_; }  // false until the first reply, too
    bool is_at_capacity() const { return is_at_capacity_; }
    const std::string& endpoint() const { return options_.endpoint; }

private:
    struct Reset {
        std::uint64_t game;
        std::uint64_t seed;
    };
    struct Call {
        std::uint64_t game;
        double deadline_s;
        EnvRequest request;  // to try it again
    };

    void send(std::uint64_t game, EnvRequest request);
    void send_resets();
    void send_steps();
    void take(const std::string& message, std::vector<EnvAnswer>& answers);
    bool try_again(const Call& call, EnvErrorCode error);
    void expire(std::vector<EnvAnswer>& answers);

    const EnvClientOptions options_;
    MessageSocket socket_;
    std::uint64_t next_id_ = 1;                      // 0: a close, whose reply nobody reads
    std::unordered_map<std::uint64_t, Call> calls_;  // id -> call that waits for its reply
    std::deque<Reset> resets_;                       // not sent yet
    double resets_from_s_ = 0;                       // when the next reset may be sent
    std::deque<Call> steps_;                         // that came too fast, to be sent again
    double steps_from_s_ = 0;                        // when
    double heard_s_ = 0;                             // when the last reply came
    bool is_answering_ = false;
    bool is_at_capacity_ = false;
};

}  // namespace dws
