#include "rollout_worker/env_client.h"

#include <utility>

#include "base/clock.h"

namespace dws {
namespace {

constexpr int kRepliesPerPoll = 4096;  // so that a flood of replies cannot hold up the engine
constexpr std::uint64_t kCloseId = 0;

}  // namespace

EnvClient::EnvClient(EnvClientOptions options)
    : options_(std::move(options)),
      socket_(MessageSocket::connect(SocketKind::dealer, options_.endpoint, {}, options_.keys)) {}

void EnvClient::reset(std::uint64_t game, std::uint64_t seed) {
    resets_.push_back({game, seed});
    send_resets();
}

void EnvClient::step(std::uint64_t game, const std::string& session, const std::string& text) {
    EnvRequest request;
    request.call = EnvCall::step;
    request.session = session;
    request.text = text;
    send(game, std::move(request));
}

void EnvClient::close(const std::string& session) {
    if (session.empty()) return;
    EnvRequest request;
    request.call = EnvCall::close;
    request.id = kCloseId;
    request.session = session;
    socket_.send({encode(request)});
}

void EnvClient::forget_all() {
    calls_.clear();
    resets_.clear();
    steps_.clear();
}

// A message dropped by a full queue is a lost call: its deadline passes.
void EnvClient::send(std::uint64_t game, EnvRequest request) {
    request.id = next_id_++;
    socket_.send({encode(request)});
    const double deadline_s = monotonic_s() + options_.reply_timeout_s;
    calls_.emplace(request.id, Call{game, deadline_s, std::move(request)});
}

void EnvClient::send_resets() {
    while (!resets_.empty() && monotonic_s() >= resets_from_s_) {
        if (!is_answering_ && !calls_.empty()) return;
        const Reset next = resets_.front();
        resets_.pop_front();
        EnvRequest request;
        request.call = EnvCall::reset;
        request.seed = next.seed;
        send(next.game, std::move(request));
    }
}

void EnvClient::send_steps() {
    if (monotonic_s() < steps_from_s_) return;
    for (; !steps_.empty(); steps_.pop_front()) {
        send(steps_.front().game, std::move(steps_.front().request));
    }
}

std::vector<EnvAnswer> EnvClient::poll(std::chrono::milliseconds wait) {
    std::vector<EnvAnswer> answers;
    send_steps();
    send_resets();
    auto frames = socket_.receive(wait);
    for (int replies = 1; frames; ++replies) {
        if (!frames->empty()) take(frames->back(), answers);
        if (replies == kRepliesPerPoll) break;  // before the next is taken out of the socket
        frames = socket_.receive(std::chrono::milliseconds(0));
    }
    expire(answers);
    send_resets();
    return answers;
}

void EnvClient::take(const std::string& message, std::vector<EnvAnswer>& answers) {
    Result<EnvReply> reply = decode_reply(message);
    if (!reply) return;  // not ours to understand: the call's deadline passes
    is_answering_ = true;
    heard_s_ = monotonic_s();
    if (reply->id == kCloseId) return;
    const auto known = calls_.find(reply->id);
    if (known == calls_.end()) {  // too late; nobody plays this session
        if (reply->error == EnvErrorCode::none) close(reply->session);
        return;
    }
    const Call call = std::move(known->second);
    calls_.erase(known);
    if (call.request.call == EnvCall::reset) {
        is_at_capacity_ = reply->error == EnvErrorCode::at_capacity;
    }
    if (!try_again(call, reply->error)) answers.push_back({call.game, std::move(*reply)});
}

// Whether the error says that nothing was done and that waiting helps.
bool EnvClient::try_again(const Call& call, EnvErrorCode error) {
    const bool is_reset = call.request.call == EnvCall::reset;
    if (error != EnvErrorCode::slow_down && !(is_reset && is_at_capacity_)) return false;
    const double again_s = monotonic_s() + options_.capacity_wait_s;
    if (is_reset) {
        resets_.push_front({call.game, call.request.seed});
        resets_from_s_ = again_s;
    } else {
        steps_.push_back(call);
        steps_from_s_ = again_s;
    }
    return true;
}

void EnvClient::expire(std::vector<EnvAnswer>& answers) {
    const double now_s = monotonic_s();
    std::erase_if(calls_, [&](const auto& entry) {
        if (entry.second.deadline_s > now_s) return false;
        answers.push_back({entry.second.game, std::nullopt});
        return true;
    });
    // One lost reply is an accident; nothing heard for a whole time-out is an absence.
    const bool is_silent = now_s - heard_s_ >= options_.reply_timeout_s;
    if (!answers.empty() && is_silent) is_answering_ = false;
}

}  // namespace dws
