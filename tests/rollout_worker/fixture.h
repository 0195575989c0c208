// What the worker's tests share: an environment in a thread, a line to it that loses what it is
// told to lose, and a model of random weights.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/message_socket.h"
#include "env_wordle/protocol.h"
#include "env_wordle/server.h"
#include "model/backend.h"
#include "model/config.h"
#include "model/weights.h"
#include "rollout_worker/letters_text.h"
#include "tests/env_wordle/fixture.h"

namespace dws {

inline const WordList& garden_words() {
    static const WordList words = fruit_words();
    return words;
}

struct RunningEnv {
    explicit RunningEnv(std::size_t sessions_max = 256) : server(options(sessions_max)) {}

    static EnvOptions options(std::size_t sessions_max) {
        EnvOptions options;
        options.endpoint = "tcp://127.0.0.1:*";
        options.words = garden_words();
        options.secrets = garden_words();
        options.sessions_max = sessions_max;
        return options;
    }
    std::string endpoint() const { return server.endpoint(); }

    Server server;
    std::jthread thread{[this](std::stop_token stop) { server.run(stop); }};
};

// Stands between one client and the environment. Loses the reply to the step number `lose_step`
// (from 0), or keeps back all replies while `is_holding`.
class LossyLine {
public:
    LossyLine(const std::string& env_endpoint, int lose_step)
        : front_(MessageSocket::bind(SocketKind::router, "tcp://127.0.0.1:*")),
          endpoint_(front_.endpoint()),
          back_(MessageSocket::connect(SocketKind::dealer, env_endpoint)),
          lose_step_(lose_step) {}

    const std::string& endpoint() const { return endpoint_; }
    void set_holding(bool is_holding) { is_holding_ = is_holding; }
    bool has_lost() const { return has_lost_; }

private:
    void run(std::stop_token stop) {
        while (!stop.stop_requested()) {
            if (auto frames = front_.receive(std::chrono::milliseconds(1))) pass_on(*frames);
            if (is_holding_) continue;
            while (auto frames = back_.receive(std::chrono::milliseconds(0))) pass_back(*frames);
        }
    }
    void pass_on(const Frames& frames) {
        client_ = frames.front();
        const Result<EnvRequest> request = decode_request(frames.back());
        if (request && request->call == EnvCall::step && steps_++ == lose_step_) {
            lost_id_ = request->id;
        }
        back_.send({frames.back()});
    }
    void pass_back(const Frames& frames) {
        const Result<EnvReply> reply = decode_reply(frames.back());
        if (reply && lost_id_ != 0 && reply->id == lost_id_) {
            has_lost_ = true;
            return;
        }
        front_.send({client_, frames.back()});
    }

    MessageSocket front_;
    const std::string endpoint_;
    MessageSocket back_;
    const int lose_step_;
    int steps_ = 0;
    std::uint64_t lost_id_ = 0;
    std::string client_;
    std::atomic<bool> is_holding_ = false;
    std::atomic<bool> has_lost_ = false;
    std::jthread thread_{[this](std::stop_token stop) { run(stop); }};
};

// The sizes of the demo's model, one layer less.
inline ModelConfig small_model() {
    ModelConfig config;
    config.vocab_size = 112;
    config.hidden_size = 64;
    config.layers = 2;
    config.query_heads = 4;
    config.key_heads = 2;
    config.head_size = 16;
    config.mlp_size = 192;
    config.rope_theta = 1e4f;
    return config;
}

inline std::vector<Bf16> random_model_words(const ModelConfig& config, std::uint64_t seed) {
    return round_to_bf16(initial_weights(config, seed));
}

}  // namespace dws
