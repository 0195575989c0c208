// A checkpoint with its words in memory, as the verbs take one: opened and read with a bar.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "sync/checkpoint/checkpoint.h"

namespace CLI {
class App;
}

namespace dws {

struct CheckpointWords {
    Checkpoint checkpoint;
    Bytes words;  // the table's flat buffer
};

// name: how the user calls it, "BASE".
Result<CheckpointWords> read_checkpoint(const std::string& name, const std::string& path,
                                        std::stop_token stop);

// Adds --codec and --threads.
struct CodecChoice {
    std::string codec = "auto";
    std::size_t threads = 1;
};
void add_codec(CLI::App& verb, CodecChoice& choice);
void add_threads(CLI::App& verb, std::size_t& threads);

}  // namespace dws
