// An engine without weights: it answers with a word that is consistent with all feedback so far.
// Its games are the demonstrations that a policy imitates before it is reinforced.
#pragma once

#include <unordered_set>

#include "env_wordle/words.h"
#include "rollout_worker/engine.h"
#include "rollout_worker/letters_text.h"

namespace dws {

class ScriptedEngine : public Engine {
public:
    // words: what it guesses; the environment's secrets are among them.
    ScriptedEngine(WordList words, int slots);

    bool has_room() const override { return open_.size() < slots_; }
    // Log-probabilities are 0, versions and steps kNoVersion: nothing sampled these tokens.
    void submit(GenerateRequest request) override;
    void release(std::uint64_t sequence) override { open_.erase(sequence); }
    std::vector<Completion> advance() override;
    std::size_t in_flight() const override { return answered_.size(); }
    void set_weights(std::span<const Bf16>, std::int64_t, std::int64_t) override {
    }  // it has no weights

private:
    const WordList words_;
    const std::size_t slots_;
    const LettersText text_;
    std::unordered_set<std::uint64_t> open_;
    std::vector<Completion> answered_;  // handed out by the next advance()
};

}  // namespace dws
