// What any trainer owes the bridge: its weights as named arrays, and for each optimizer step the
// words that changed. The bridge does the rest (games in, versions out).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/event_log.h"
#include "base/result.h"
#include "base/tensor_layout.h"
#include "sync/changes.h"
#include "sync/codec/encoded_step.h"
#include "sync/games/game_group.h"

namespace dws {

// What the bridge can use: whether the publisher would write the step at once, as it is.
enum class StepForm {
    changes,  // it is busy: the step merges with others
    encoded,  // it is idle: tiles may be encoded while the optimizer has them in cache
};
// Asked once a step, when its gradients are there: a publisher that was busy when the step began
// has become idle by then, where gradients take longer than an upload.
using StepFormQuestion = std::function<StepForm()>;

struct StepReport {
    Changes changes;                     // of the published words, before and after
    std::optional<EncodedStep> encoded;  // in their place; only where StepForm::encoded was asked
    Facts metrics;                       // "loss", "kl", "ratio", ...: the field's names
};

// What the next step depends on besides its groups and the settings. The arrays lie in the
// trainer's own memory, where a checkpoint reads them and writes them.
struct TrainingArray {
    TensorSpec spec;
    std::span<std::byte> bytes;
};
struct TrainingState {
    std::vector<TrainingArray> arrays;
    std::int64_t step_number = 0;
    std::int64_t optimizer_steps = 0;  // since the optimizer's moments were last 0
};

// Called from one thread. Groups given to imitate() and learn() have passed check().
class Trainer {
public:
    virtual ~Trainer() = default;

    virtual const TensorLayout& layout() const = 0;
    // The words of the version the trainer stands at, in the layout's flat buffer.
    virtual std::span<const std::byte> published_words() const = 0;
    // Takes over the words of an existing version: what a run goes on from without a checkpoint.
    virtual void restore(std::span<const std::byte> words, std::int64_t trainer_step) = 0;

    // Whole and exact: with the same state, settings and groups, learn() leaves the same bits on
    // the same machine. The spans are good until the next call.
    virtual TrainingState training_state() = 0;
    // The arrays of training_state() were written; these are the counts that belong to them.
    virtual void go_on_from(std::int64_t step_number, std::int64_t optimizer_steps) = 0;

    // Optimizer steps in the weights; 0 for anchor 0 of a new run.
    virtual std::int64_t step_number() const = 0;
    // Whether the group, which anybody may have written, is safe to learn from at all.
    // Fault::corrupt says what is wrong with it.
    virtual Result<Done> check(const GameGroup& group) const = 0;
    // False for a group that teaches nothing: every game of it earned the same.
    virtual bool can_learn_from(const GameGroup& group) const = 0;
    // One cross-entropy step towards demonstrations; before anchor 0 only. Mean loss per token.
    virtual double imitate(std::span<const GameGroup> groups) = 0;
    // Ends imitation: the weights become those of anchor 0, the optimizer starts afresh.
    virtual void begin_reinforcement() = 0;
    // One optimizer step. A trainer that cannot encode lists changes whatever the form.
    virtual StepReport learn(std::span<const GameGroup> groups, const StepFormQuestion& form) = 0;
    StepReport learn(std::span<const GameGroup> groups, StepForm form) {
        return learn(groups, [form] { return form; });
    }
};

}  // namespace dws
