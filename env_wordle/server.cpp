#include "env_wordle/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/clock.h"

namespace dws {
namespace {

constexpr std::chrono::milliseconds kWait{50};  // how late a stop or an expiry is noticed

// Messages above kMaxMessageBytes are answered; above this their sender is disconnected.
constexpr int kDisconnectBytes = 64 * 1024;
static_assert(kDisconnectBytes > static_cast<int>(kMaxMessageBytes));

EnvOptions checked(EnvOptions options) {
    if (options.words.empty() || options.secrets.empty())
        throw std::runtime_error("env.words: a game needs words and secrets");
    for (const std::string& secret : options.secrets)
        if (!contains(options.words, secret))
            throw std::runtime_error("env.secrets: " + secret + " is not in the word list");
    if (options.sessions_max == 0 || options.sessions_max > kSessionsCeiling)
        throw std::runtime_error(
            fmt::format("env.sessions_max: expected 1 to {}", kSessionsCeiling));
    if (!(options.session_expiry_s > 0) || !std::isfinite(options.session_expiry_s))
        throw std::runtime_error("env.session_expiry_s: expected a time above 0");
    return options;
}

// Every session may have a request and its reply under way.
SocketLimits limits_for(std::size_t sessions_max) {
    return {.queued_messages = static_cast<int>(std::max<std::size_t>(10'000, 2 * sessions_max)),
            .message_bytes = kDisconnectBytes};
}

EnvReply failure(EnvErrorCode code, std::string message) {
    EnvReply reply;
    reply.error = code;
    reply.message = std::move(message);
    return reply;
}

}  // namespace

Server::Server(EnvOptions options)
    : options_(checked(std::move(options))),
      socket_(MessageSocket::bind(SocketKind::router, options_.endpoint,
                                  limits_for(options_.sessions_max))),
      endpoint_(socket_.endpoint()),
      sessions_(options_.sessions_max, options_.session_expiry_s) {}

void Server::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        const std::optional<Frames> frames = socket_.receive(kWait);
        const double now_s = monotonic_s();
        counts_.expired += sessions_.expire(now_s);
        if (frames) answer(*frames, now_s);
        publish_stats();
    }
}

EnvStats Server::stats() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

void Server::publish_stats() {
    counts_.sessions = sessions_.size();
    const std::lock_guard lock(mutex_);
    published_ = counts_;
}

void Server::answer(const Frames& frames, double now_s) {
    if (frames.empty()) return;  // nobody to answer
    counts_.requests += 1;
    const EnvReply reply =
        frames.size() == 2
            ? reply_to(frames[1], now_s)
            : failure(EnvErrorCode::malformed, "expected a message of one frame, from a DEALER");
    if (reply.error == EnvErrorCode::malformed) counts_.malformed += 1;
    if (reply.error == EnvErrorCode::at_capacity) counts_.turned_away += 1;
    publish_stats();  // whoever has heard the answer finds it counted
    if (!socket_.send({frames[0], encode(reply)})) counts_.replies_dropped += 1;
}

EnvReply Server::reply_to(std::string_view message, double now_s) {
    const Result<EnvRequest> request = decode_request(message);
    EnvReply reply =
        request ? serve(*request, now_s) : failure(EnvErrorCode::malformed, request.error().detail);
    reply.id = request ? request->id : id_in(message);
    return reply;
}

EnvReply Server::serve(const EnvRequest& request, double now_s) {
    if (request.call == EnvCall::reset) return reset(request, now_s);
    Session* session = sessions_.find(request.session, now_s);
    if (!session)
        return failure(EnvErrorCode::unknown_session,
                       fmt::format("no such session: closed, never opened, or silent for {} s; "
                                   "reset opens a new one",
                                   options_.session_expiry_s));
    EnvReply reply = request.call == EnvCall::step ? step(request, *session) : session->state();
    reply.session = request.session;
    if (request.call == EnvCall::close) sessions_.close(request.session);
    return reply;
}

EnvReply Server::reset(const EnvRequest& request, double now_s) {
    Session session(options_.rules, secret_for(options_.secrets, request.seed));
    EnvReply reply = session.opening();
    const std::string* id = sessions_.open(std::move(session), now_s);
    if (!id)
        return failure(EnvErrorCode::at_capacity,
                       fmt::format("all {} sessions are taken: close one or try again later",
                                   options_.sessions_max));
    counts_.games += 1;
    reply.session = *id;
    return reply;
}

EnvReply Server::step(const EnvRequest& request, Session& session) {
    const bool was_done = session.is_done();
    EnvReply reply = session.step(request.text, options_.words);
    if (!was_done && session.is_done()) {
        counts_.finished += 1;
        if (session.is_won()) counts_.won += 1;
    }
    return reply;
}

}  // namespace dws
