#include "experiments/load/session_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <queue>
#include <random>
#include <stdexcept>
#include <utility>

#include "base/clock.h"
#include "base/message_socket.h"
#include "env_wordle/protocol.h"

namespace dws {
namespace {

constexpr double kSilence_s = 10;      // without any reply the server counts as gone
constexpr int kRepliesPerSend = 1024;  // taken before sessions that are due get their turn

// When what happens, on monotonic_s().
struct Schedule {
    double measured_from_s;
    double measured_until_s;
};

// One session of one socket.
struct Player {
    std::string session;
    EnvCall call = EnvCall::reset;  // under way, or the next one
    bool is_waiting = false;        // for a reply
    double sent_s = 0;
};

// The sessions of one socket, for one thread.
class SocketOfPlayers {
public:
    SocketOfPlayers(const SessionLoad& load, const WordList& words, std::size_t players,
                    std::uint64_t seed, Schedule schedule)
        : load_(load),
          words_(words),
          schedule_(schedule),
          random_(seed),
          socket_(MessageSocket::connect(
              SocketKind::dealer, load.endpoint,
              {.queued_messages = static_cast<int>(std::max<std::size_t>(1'000, 2 * players))})),
          players_(players),
          open_(players) {}

    SessionCounts play(const std::stop_token& stop) {
        for (std::size_t player = 0; player < players_.size(); ++player) think(player);
        double heard_s = monotonic_s();
        while (open_ > 0 && !stop.stop_requested()) {
            call_all_due();
            auto frames = socket_.receive(std::chrono::milliseconds(1));
            if (frames) heard_s = monotonic_s();
            for (int replies = 1; frames; ++replies) {
                take(frames->back());
                if (replies == kRepliesPerSend) break;
                frames = socket_.receive(std::chrono::milliseconds(0));
            }
            if (monotonic_s() - heard_s > kSilence_s + 1e-3 * load_.think_ms)
                throw std::runtime_error(
                    fmt::format("{} of {} sessions wait for a reply, and none came for {} s", open_,
                                players_.size(), kSilence_s));
        }
        counts_.measured_s = schedule_.measured_until_s - schedule_.measured_from_s;
        return std::move(counts_);
    }

private:
    using Due = std::pair<double, std::size_t>;  // when, which player

    // The player's next call comes after half to one and a half times the mean
    // wait.
    void think(std::size_t player) {
        if (load_.think_ms <= 0) return call(player);
        const double share = 0.5 + static_cast<double>(random_() >> 11) * 0x1p-53;
        due_.emplace(monotonic_s() + 1e-3 * load_.think_ms * share, player);
    }

    void call_all_due() {
        while (!due_.empty() && due_.top().first <= monotonic_s()) {
            const std::size_t player = due_.top().second;
            due_.pop();
            call(player);
        }
    }

    void call(std::size_t index) {
        Player& player = players_[index];
        EnvRequest request;
        request.call = player.call;
        request.id = index;
        request.seed = random_();
        request.session = player.session;
        if (player.call == EnvCall::step) request.text = words_[random_() % words_.size()];
        player.is_waiting = true;
        player.sent_s = monotonic_s();
        if (!socket_.send({encode(request)}))
            throw std::runtime_error("a request found no room in the socket's queue");
    }

    void take(const std::string& message) {
        const double now_s = monotonic_s();
        const Result<EnvReply> reply = decode_reply(message);
        if (!reply) throw std::runtime_error("not a reply: " + reply.error().detail);
        if (reply->error != EnvErrorCode::none)
            throw std::runtime_error(
                fmt::format("the server answered {}: {}", name_of(reply->error), reply->message));
        if (reply->id >= players_.size() || !players_[reply->id].is_waiting)
            throw std::runtime_error("a reply to nothing that was asked");
        Player& player = players_[reply->id];
        player.is_waiting = false;
        counts_.requests += 1;
        if (player.sent_s >= schedule_.measured_from_s && now_s <= schedule_.measured_until_s)
            counts_.latencies.add(1e3 * (now_s - player.sent_s));
        move_on(reply->id, *reply, now_s >= schedule_.measured_until_s);
    }

    // is_over: the session is only closed.
    void move_on(std::size_t index, const EnvReply& reply, bool is_over) {
        Player& player = players_[index];
        const EnvCall answered = player.call;
        if (answered == EnvCall::reset) player.session = reply.session;
        if (answered == EnvCall::step && reply.done) {
            counts_.games += 1;
            counts_.won += reply.won ? 1 : 0;
        }
        if (answered == EnvCall::close && is_over) {
            open_ -= 1;
            return;
        }
        const bool is_played = answered == EnvCall::step && reply.done;
        player.call = answered == EnvCall::close ? EnvCall::reset
                      : is_played || is_over     ? EnvCall::close
                                                 : EnvCall::step;
        player.call == EnvCall::close ? call(index) : think(index);
    }

    const SessionLoad& load_;
    const WordList& words_;
    const Schedule schedule_;
    std::mt19937_64 random_;
    MessageSocket socket_;
    std::vector<Player> players_;  // a request's id is the player's place here
    std::size_t open_;             // players not through
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    SessionCounts counts_;
};

void add(SessionCounts& all, const SessionCounts& counts) {
    all.latencies.add(counts.latencies);
    all.requests += counts.requests;
    all.games += counts.games;
    all.won += counts.won;
    all.measured_s = counts.measured_s;
}

}  // namespace

SessionCounts play_sessions(const SessionLoad& load, const WordList& words, std::stop_token stop) {
    const double from_s = monotonic_s() + load.warm_s;
    const Schedule schedule{from_s, from_s + load.seconds};
    const auto sockets = static_cast<std::size_t>(load.sockets);
    const auto sessions = static_cast<std::size_t>(load.sessions);
    std::vector<std::future<SessionCounts>> parts;
    for (std::size_t socket = 0; socket < sockets; ++socket) {
        const std::size_t players = (socket + 1) * sessions / sockets - socket * sessions / sockets;
        parts.push_back(std::async(std::launch::async, [&, socket, players] {
            SocketOfPlayers part(load, words, players, load.seed + socket, schedule);
            return part.play(stop);
        }));
    }
    SessionCounts all;
    for (std::future<SessionCounts>& part : parts) add(all, part.get());
    return all;
}

}  // namespace dws
