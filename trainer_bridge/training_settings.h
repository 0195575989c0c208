// What of the config changes the result of an optimizer step. A checkpoint remembers it, so that a
// run that is resumed under another config says why its steps do not repeat.
#pragma once

#include <string>
#include <vector>

#include "configs/config.h"
#include "trainer_bridge/checkpoint.h"

namespace dws {

TrainingSettings training_settings(const Config& config);

// "trainer.beta1 was 0.9 and is 0.8", one per setting that differs.
std::vector<std::string> differences(const TrainingSettings& before, const TrainingSettings& now);

}  // namespace dws
