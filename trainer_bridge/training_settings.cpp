#include "trainer_bridge/training_settings.h"

#include <fmt/format.h>

#include <set>

namespace dws {
namespace {

std::string value_of(const TrainingSettings& settings, const std::string& name) {
    const auto found = settings.find(name);
    return found == settings.end() ? "absent" : found->second;
}

}  // namespace

// Sums of floats depend on their order, and that on how many threads share them.
TrainingSettings training_settings(const Config& config) {
    const TrainerSection& trainer = config.trainer;
    return {{"run.seed", fmt::format("{}", config.run.seed)},
            {"model.products", config.model.products},
            {"trainer.threads", fmt::format("{}", trainer.threads)},
            {"trainer.learning_rate", fmt::format("{}", trainer.learning_rate)},
            {"trainer.lr_warmup_steps", fmt::format("{}", trainer.lr_warmup_steps)},
            {"trainer.beta1", fmt::format("{}", trainer.beta1)},
            {"trainer.beta2", fmt::format("{}", trainer.beta2)},
            {"trainer.epsilon", fmt::format("{}", trainer.epsilon)},
            {"trainer.weight_decay", fmt::format("{}", trainer.weight_decay)},
            {"trainer.gradient_clip", fmt::format("{}", trainer.gradient_clip)},
            {"trainer.dead_band", fmt::format("{}", trainer.dead_band)},
            {"trainer.advantage", trainer.advantage},
            {"trainer.correction", trainer.correction},
            {"trainer.ratio_max", fmt::format("{}", trainer.ratio_max)},
            {"trainer.ratio_clip", fmt::format("{}", trainer.ratio_clip)}};
}

std::vector<std::string> differences(const TrainingSettings& before, const TrainingSettings& now) {
    std::set<std::string> names;
    for (const auto& [name, value] : before) names.insert(name);
    for (const auto& [name, value] : now) names.insert(name);
    std::vector<std::string> found;
    for (const std::string& name : names) {
        const std::string was = value_of(before, name);
        const std::string is = value_of(now, name);
        if (was != is) found.push_back(fmt::format("{} was {} and is {}", name, was, is));
    }
    return found;
}

}  // namespace dws
