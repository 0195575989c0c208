#include "rollout_worker/scripted_engine.h"

#include <utility>

#include "base/require.h"
#include "env_wordle/scripted_player.h"
#include "rollout_worker/seeds.h"
#include "sync/games/game_group.h"

namespace dws {

ScriptedEngine::ScriptedEngine(WordList words, int slots)
    : words_(std::move(words)), slots_(static_cast<std::size_t>(slots)) {
    require(!words_.empty(), "a word list holds words");
}

void ScriptedEngine::submit(GenerateRequest request) {
    require(open_.contains(request.sequence) || has_room(), "has_room() before a new sequence");
    require(request.new_tokens == text_.answer_tokens(), "an answer is one word");
    open_.insert(request.sequence);

    const std::vector<PastGuess> history = text_.history(request.context);
    const std::uint64_t random = derive_seed(request.seed, request.context.size());
    // No word fits when the environment's secret is not on our list: any word will do then.
    auto guess = consistent_guess(words_, history, random);
    if (!guess) guess = consistent_guess(words_, {}, random);

    Completion completion;
    completion.sequence = request.sequence;
    completion.tokens = text_.word_tokens(*guess);
    completion.logprobs.assign(completion.tokens.size(), 0.0f);
    completion.versions.assign(completion.tokens.size(), kNoVersion);
    completion.steps.assign(completion.tokens.size(), kNoVersion);
    answered_.push_back(std::move(completion));
}

std::vector<Completion> ScriptedEngine::advance() { return std::exchange(answered_, {}); }

}  // namespace dws
