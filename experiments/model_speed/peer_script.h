// A Python program of this folder that measures somebody else's software and prints what it found,
// in a process of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/config.h"

namespace dws {

struct PeerScript {
    std::string python;  // that has what the script imports
    std::filesystem::path script;
};

// All that it printed. Throws std::runtime_error with its last lines when it fails, or does not end
// within an hour.
std::string output_of(const PeerScript& peer, const std::vector<std::string>& arguments);

// "--vocab", "151936", ...: as every script takes a model's sizes.
std::vector<std::string> size_arguments(const ModelConfig& model);

// The end of an output, for an error's text.
std::string last_lines(const std::string& output);

}  // namespace dws
