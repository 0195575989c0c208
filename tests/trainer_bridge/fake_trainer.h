// A trainer without a model, for what the bridge promises whatever the trainer does.
//
// Weights are one bf16 array of two tiles; step N writes N + salt into word 0 and into
// word N of the second tile. It refuses groups with a token above 100 and learns nothing from
// groups whose games earned the same.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "sync/array_table.h"
#include "tests/support/encode_step.h"
#include "trainer_bridge/trainer.h"

namespace dws {

class FakeTrainer final : public Trainer {
public:
    FakeTrainer()
        : layout_({{"weights", DType::kBF16, {static_cast<std::int64_t>(kTileWords) + 5'000}}}),
          words_(layout_.size_bytes() / 2) {}

    const TensorLayout& layout() const override { return layout_; }
    std::span<const std::byte> published_words() const override {
        return std::as_bytes(std::span(words_));
    }
    void restore(std::span<const std::byte> words, std::int64_t trainer_step) override {
        std::memcpy(words_.data(), words.data(), words.size());
        step_ = trainer_step;
    }
    TrainingState training_state() override {
        return {.arrays = {{{"words", DType::kBF16, {static_cast<std::int64_t>(words_.size())}},
                            std::as_writable_bytes(std::span(words_))}},
                .step_number = step_,
                .optimizer_steps = step_};
    }
    void go_on_from(std::int64_t step_number, std::int64_t) override { step_ = step_number; }
    std::int64_t step_number() const override { return step_; }
    Result<Done> check(const GameGroup& group) const override {
        for (const Game& game : group.games) {
            for (const std::int32_t token : game.tokens) {
                if (token > 100) return Error{Fault::corrupt, "a token above 100"};
            }
        }
        return Done{};
    }
    bool can_learn_from(const GameGroup& group) const override {
        return std::ranges::any_of(group.games, [&](const Game& game) {
            return game.reward != group.games.front().reward;
        });
    }
    double imitate(std::span<const GameGroup> groups) override {
        for (const GameGroup& group : groups) imitated.push_back(name(group));
        imitation_steps += 1;
        return 1.0 / static_cast<double>(imitation_steps);
    }
    void begin_reinforcement() override { has_begun = true; }
    StepReport learn(std::span<const GameGroup> groups, const StepFormQuestion& ask) override {
        if (gradients) gradients();
        const StepForm form = ask();
        for (const GameGroup& group : groups) learned.push_back(name(group));
        forms.push_back(form);
        const std::vector<std::uint16_t> before = words_;
        step_ += 1;
        StepReport report;
        set_word(0, 0, report.changes);
        set_word(1, static_cast<std::size_t>(step_), report.changes);
        if (form == StepForm::encoded && can_encode) {
            report.encoded = encode_step(table_, std::as_bytes(std::span(before)),
                                         published_words(), encoder_, 1);
            report.changes.clear();
        }
        report.metrics = {{"ratio", 1.0}, {"kl", 0.0}};
        if (after_step) after_step(step_);
        return report;
    }

    static std::string name(const GameGroup& group) {
        return group.worker + "/" + std::to_string(group.number);
    }

    std::vector<std::string> imitated, learned;  // "worker/number"
    std::int64_t imitation_steps = 0;
    std::vector<StepForm> forms;  // asked for, by step
    bool can_encode = true;
    bool has_begun = false;
    std::int64_t salt = 0;            // other than 0: its steps have other results
    std::function<void()> gradients;  // what a step does before it asks for its form
    std::function<void(std::int64_t step)> after_step;

private:
    void set_word(std::size_t tile, std::size_t position, Changes& changes) {
        std::uint16_t& word = words_[tile * kTileWords + position];
        const auto next = static_cast<std::uint16_t>(step_ + salt);
        if (word == next) return;
        changes[tile].positions.push_back(static_cast<std::uint16_t>(position));
        changes[tile].before.push_back(word);
        changes[tile].after.push_back(next);
        word = next;
    }

    TensorLayout layout_;
    const ArrayTable table_ = std::move(*ArrayTable::make(layout_));
    std::vector<std::uint16_t> words_;
    StepEncoder encoder_{table_, Encoding::smallest, 1};
    std::int64_t step_ = 0;
};

}  // namespace dws
