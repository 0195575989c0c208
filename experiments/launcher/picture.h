// The rows behind a run's picture as text files, and the picture, drawn by gnuplot.
#pragma once

#include <filesystem>

#include "experiments/launcher/story.h"

namespace dws {

// Writes steps.tsv, versions.tsv and summary.json into `folder`.
void write_tables(const Story& story, const std::filesystem::path& folder);

// Draws curves.png in `folder` from its tables. script: a gnuplot program reading them. Throws
// std::runtime_error when gnuplot fails.
void draw_curves(const std::filesystem::path& script, const std::filesystem::path& folder);

}  // namespace dws
