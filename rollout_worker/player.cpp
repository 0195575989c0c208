#include "rollout_worker/player.h"

#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "rollout_worker/seeds.h"

namespace dws {
namespace {

// An environment that answers every call with an error is asked ten times a second, not more.
constexpr double kRestartWaitS = 0.1;

}  // namespace

Player::Player(Engine& engine, EnvClient& env, const GameText& text, PlayerOptions options)
    : engine_(engine), env_(env), text_(text), options_(std::move(options)) {}

Player::~Player() {
    for (const auto& [game, play] : playing_) {
        if (play.episode) env_.close(play.episode->session());
    }
    env_.forget_all();
}

void Player::open_group(GroupPlan plan) {
    const std::uint64_t key = next_group_++;
    for (std::size_t i = 0; i < plan.env_seeds.size(); ++i) to_start_.push_back({key, i});
    groups_.emplace(key, GroupAssembly(std::move(plan)));
}

std::vector<GameGroup> Player::advance(std::chrono::milliseconds idle_wait) {
    start_games();
    const bool is_idle = engine_.in_flight() == 0;
    for (const EnvAnswer& answer : env_.poll(is_idle ? idle_wait : idle_wait.zero())) hear(answer);
    open_sequences();
    for (const Completion& completion : engine_.advance()) {
        const auto play = playing_.find(completion.sequence);
        require(play != playing_.end() && play->second.episode.has_value(),
                "the engine answers what it was asked");
        tokens_generated_ += static_cast<std::int64_t>(completion.tokens.size());
        Episode& episode = *play->second.episode;
        env_.step(play->first, episode.session(), episode.take_answer(completion));
    }
    return std::exchange(whole_, {});
}

void Player::start_games() {
    while (!to_start_.empty() && may_start() && monotonic_s() >= start_from_s_) {
        const Place place = to_start_.front();
        to_start_.pop_front();
        const std::uint64_t game = next_game_++;
        playing_.emplace(game, Play{place, std::nullopt});
        env_.reset(game, groups_.at(place.group).plan().env_seeds[place.index]);
    }
}

void Player::hear(const EnvAnswer& answer) {
    const auto play = playing_.find(answer.game);
    require(play != playing_.end(), "the environment's client answers what it was asked");
    if (!answer.reply) return restart(play, "no reply from the environment in time");
    const EnvReply& reply = *answer.reply;
    if (reply.error != EnvErrorCode::none) {
        return restart(play, std::string("the environment answered ") + name_of(reply.error) +
                                 ": " + reply.message);
    }
    std::optional<Episode>& episode = play->second.episode;
    if (!episode) {
        episode.emplace(text_, reply);
        to_open_.push_back(play->first);
        return;
    }
    if (const Result<Done> taken = episode->take_reply(reply); !taken) {
        return restart(play, taken.error().detail);
    }
    if (episode->is_done()) return finish(play);
    ask_engine(play->first, play->second);
}

// In the order the environment answered. Games that the engine has no room for wait where they
// are, and no others begin; room comes with the end of those that have begun.
void Player::open_sequences() {
    while (!to_open_.empty() && engine_.has_room()) {
        const auto play = playing_.find(to_open_.front());
        to_open_.pop_front();
        ask_engine(play->first, play->second);
    }
}

void Player::ask_engine(std::uint64_t game, const Play& play) {
    const std::uint64_t group_seed = groups_.at(play.place.group).plan().seed;
    const std::uint64_t sampling = derive_seed(group_seed, "sampling");
    engine_.submit(play.episode->next_request(game, derive_seed(sampling, play.place.index)));
}

void Player::finish(Plays::iterator play) {
    const Place place = play->second.place;
    const Episode& episode = *play->second.episode;
    const auto group = groups_.find(place.group);
    group->second.add(place.index, episode.finish(options_.rewards));
    env_.close(episode.session());
    engine_.release(play->first);
    playing_.erase(play);
    games_finished_ += 1;
    if (!group->second.is_whole()) return;
    whole_.push_back(group->second.to_group(text_.allowed_tokens(), options_.temperature));
    groups_.erase(group);
}

// The same game from its beginning: same secret, same sampling seed.
void Player::restart(Plays::iterator play, const std::string& reason) {
    restarts_[reason] += 1;
    if (play->second.episode) env_.close(play->second.episode->session());
    engine_.release(play->first);
    to_start_.push_front(play->second.place);
    playing_.erase(play);
    start_from_s_ = monotonic_s() + kRestartWaitS;
}

std::map<std::string, int> Player::take_restarts() { return std::exchange(restarts_, {}); }

}  // namespace dws
