// The experiment's result for people: what was published beside what this machine measured.
#pragma once

#include <string>

#include "experiments/qwen3_sync/report.h"

namespace dws {

// Markdown. A cell whose run was left out holds a dash.
std::string published_table(const ExperimentRuns& runs);

}  // namespace dws
