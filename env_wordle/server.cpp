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
constexpr int kDisconnectBytes = 16 * 1024;
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
    if (options.sessions_per_client == 0)
        throw std::runtime_error("env.sessions_per_client: expected 1 or more");
    if (!(options.requests_per_second > 0) || !std::isfinite(options.requests_per_second))
        throw std::runtime_error("env.requests_per_second: expected a number above 0");
    if (!(options.session_expiry_s > 0) || !std::isfinite(options.session_expiry_s))
        throw std::runtime_error("env.session_expiry_s: expected a time above 0");
    return options;
}

// Of one client: every session may have a request and its reply under way. What is queued is
// what a client that sends and never reads makes the server hold: 16 MB at the least.
SocketLimits limits_for(const EnvOptions& options) {
    const std::size_t sessions = std::min(options.sessions_per_client, options.sessions_max);
    return {.queued_messages = static_cast<int>(std::max<std::size_t>(1000, 2 * sessions)),
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
      socket_(MessageSocket::bind(SocketKind::router, options_.endpoint, limits_for(options_),
                                  options_.keys)),
      endpoint_(socket_.endpoint()),
      sessions_(options_.sessions_max, options_.session_expiry_s),
      rates_(options_.requests_per_second) {}

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
    // A key outlives a connection: who connects again has not gained anything.
    const std::string& client = socket_.sender().empty() ? frames[0] : socket_.sender();
    const EnvReply reply = reply_to(frames, client, now_s);
    if (reply.error == EnvErrorCode::malformed) counts_.malformed += 1;
    if (reply.error == EnvErrorCode::at_capacity) counts_.turned_away += 1;
    if (reply.error == EnvErrorCode::slow_down) counts_.slowed_down += 1;
    publish_stats();  // whoever has heard the answer finds it counted
    if (!socket_.send({frames[0], encode(reply)})) counts_.replies_dropped += 1;
}

EnvReply Server::reply_to(const Frames& frames, const std::string& client, double now_s) {
    const bool is_in_time = rates_.take(client, now_s);
    if (frames.size() != 2)
        return failure(EnvErrorCode::malformed, "expected a message of one frame, from a DEALER");
    const Result<EnvRequest> request = decode_request(frames[1]);
    EnvReply reply = !is_in_time
                         ? failure(EnvErrorCode::slow_down,
                                   fmt::format("more than {} requests per second: wait, then send "
                                               "it again; it was not carried out",
                                               options_.requests_per_second))
                     : request ? serve(*request, client, now_s)
                               : failure(EnvErrorCode::malformed, request.error().detail);
    reply.id = request ? request->id : id_in(frames[1]);
    return reply;
}

EnvReply Server::serve(const EnvRequest& request, const std::string& client, double now_s) {
    if (request.call == EnvCall::reset) return reset(request, client, now_s);
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

EnvReply Server::reset(const EnvRequest& request, const std::string& client, double now_s) {
    if (sessions_.size_of(client) >= options_.sessions_per_client)
        return failure(EnvErrorCode::at_capacity,
                       fmt::format("all {} sessions of this client are taken: close one, or raise "
                                   "env.sessions_per_client",
                                   options_.sessions_per_client));
    Session session(options_.rules, secret_for(options_.secrets, request.seed));
    EnvReply reply = session.opening();
    const std::string* id = sessions_.open(std::move(session), client, now_s);
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
