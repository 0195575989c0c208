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
      socket_(MessageSocket::connect(SocketKind::dealer, options_.endpoint)) {}

void EnvClient::reset(std::uint64_t game, std::uint64_t seed) {
    resets_.push_back({game, seed});
    send_resets();
}

void EnvClient::step(std::uint64_t game, const std::string& session, const std::string& text) {
    EnvRequest request;
    request.call = EnvCall::step;
    request.session = session;
    request.text = text;
    send(std::move(request), {game, 0, std::nullopt});
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
}

// A message dropped by a full queue is a lost call: its deadline passes.
void EnvClient::send(EnvRequest request, Call call) {
    request.id = next_id_++;
    call.deadline_s = monotonic_s() + options_.reply_timeout_s;
    socket_.send({encode(request)});
    calls_.emplace(request.id, call);
}

void EnvClient::send_resets() {
    while (!resets_.empty() && monotonic_s() >= resets_from_s_) {
        if (!is_answering_ && !calls_.empty()) return;
        const Reset next = resets_.front();
        resets_.pop_front();
        EnvRequest request;
        request.call = EnvCall::reset;
        request.seed = next.seed;
        send(std::move(request), {next.game, 0, next.seed});
    }
}

std::vector<EnvAnswer> EnvClient::poll(std::chrono::milliseconds wait) {
    std::vector<EnvAnswer> answers;
    send_resets();
    auto frames = socket_.receive(wait);
    for (int replies = 0; frames && replies < kRepliesPerPoll; ++replies) {
        if (!frames->empty()) take(frames->back(), answers);
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
    const Call call = known->second;
    calls_.erase(known);
    if (call.reset_seed) is_at_capacity_ = reply->error == EnvErrorCode::at_capacity;
    if (call.reset_seed && is_at_capacity_) {
        resets_.push_front({call.game, *call.reset_seed});
        resets_from_s_ = monotonic_s() + options_.capacity_wait_s;
        return;
    }
    answers.push_back({call.game, std::move(*reply)});
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
