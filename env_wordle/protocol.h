// The environment's messages: one small JSON object each way over ZeroMQ ROUTER/DEALER.
// PROTOCOL.md beside this file shows each message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dws {

inline constexpr std::size_t kMaxMessageBytes = 8192;  // a guess with its reasoning; more is abuse

enum class EnvCall { reset, step, state, close };

struct EnvRequest {
    EnvCall call = EnvCall::reset;
    std::uint64_t id = 0;    // the client's own; comes back in the reply
    std::uint64_t seed = 0;  // reset: chooses the secret, the same for the same seed
    std::string session;     // step, state, close
    std::string text;        // step: what the player said
};

enum class EnvErrorCode {
    none,
    malformed,        // not a request
    unknown_session,  // expired, closed or never opened
    at_capacity,      // all sessions, or all of this client, are taken: try again later
    finished,         // the game is over: only close is left
    slow_down,        // not carried out: the client asks too fast; wait, then send it again
};
const char* name_of(EnvErrorCode code);

struct EnvReply {
    std::uint64_t id = 0;
    EnvErrorCode error = EnvErrorCode::none;
    std::string message;  // with an error: what was wrong and what to do
    std::string session;
    std::string text;      // what the player reads; the secret only if the player itself said it
    std::string feedback;  // step: five of 'G', 'Y', 'X' for the guess; empty when it took none
    int turn = 0;          // turns used
    int turns_max = 6;
    int greens = 0;  // of this guess
    int yellows = 0;
    bool valid = false;  // the guess is a word of the list; textarena: and a legal move
    bool won = false;
    bool done = false;
    double reward = 0;  // the environment's own, of this step
};

std::string encode(const EnvRequest& request);
std::string encode(const EnvReply& reply);
// Fault::corrupt names what is wrong. Keys that are not known are ignored.
Result<EnvRequest> decode_request(std::string_view message);
Result<EnvReply> decode_reply(std::string_view message);
// The id of a message that may be no request, so that its sender can tell which one failed; else 0.
std::uint64_t id_in(std::string_view message);

}  // namespace dws
