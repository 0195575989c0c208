#include "rollout_worker/episode.h"

#include <algorithm>

#include "base/require.h"

namespace dws {

Episode::Episode(const GameText& text, const EnvReply& reset)
    : text_(text), session_(reset.session), turns_max_(std::max(1, reset.turns_max)) {
    append_given(text.opening(reset));
}

// Tokens that nobody sampled: the loss does not count them.
void Episode::append_given(const std::vector<std::int32_t>& tokens) {
    const std::size_t size = game_.tokens.size() + tokens.size();
    game_.tokens.insert(game_.tokens.end(), tokens.begin(), tokens.end());
    game_.turns.resize(size, static_cast<std::int32_t>(turns_.size()));
    game_.loss_mask.resize(size, 0);
    game_.logprobs.resize(size, 0.0f);
    game_.versions.resize(size, kNoVersion);
    game_.steps.resize(size, kNoVersion);
}

GenerateRequest Episode::next_request(std::uint64_t sequence, std::uint64_t seed) const {
    return {.sequence = sequence,
            .context = game_.tokens,
            .new_tokens = text_.answer_tokens(),
            .seed = seed};
}

std::string Episode::take_answer(const Completion& completion) {
    require(completion.tokens.size() == static_cast<std::size_t>(text_.answer_tokens()),
            "an answer is whole");
    const auto append = [](auto& to, const auto& from) {
        to.insert(to.end(), from.begin(), from.end());
    };
    append(game_.tokens, completion.tokens);
    append(game_.logprobs, completion.logprobs);
    append(game_.versions, completion.versions);
    append(game_.steps, completion.steps);
    game_.turns.resize(game_.tokens.size(), static_cast<std::int32_t>(turns_.size()));
    game_.loss_mask.resize(game_.tokens.size(), 1);
    answer_ = completion.tokens;
    return text_.answer_text(answer_);
}

Result<Done> Episode::take_reply(const EnvReply& reply) {
    if (!reply.done) {
        const Result<std::vector<std::int32_t>> tokens = text_.reply_tokens(answer_, reply);
        if (!tokens) return tokens.error();
        const auto next_answer = static_cast<std::size_t>(text_.answer_tokens());
        const auto tokens_max = static_cast<std::size_t>(text_.game_tokens_max());
        if (game_.tokens.size() + tokens->size() + next_answer > tokens_max) {
            return Error{Fault::corrupt, "the environment plays more turns than it said"};
        }
        append_given(*tokens);
    }
    turns_.push_back({reply.greens, reply.yellows, reply.valid, reply.won});
    is_done_ = reply.done;
    return Done{};
}

FinishedGame Episode::finish(const RewardWeights& weights) const {
    require(is_done_, "a finished game is done");
    FinishedGame finished{game_, turns_.back().has_won, static_cast<int>(turns_.size()),
                          valid_share(turns_)};
    finished.game.turn_rewards = turn_rewards(weights, turns_, turns_max_);
    finished.game.reward = game_reward(weights, turns_, turns_max_);
    return finished;
}

}  // namespace dws
