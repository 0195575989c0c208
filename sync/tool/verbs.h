// The verbs of the `dws` command, one per file. Each adds its subcommand with its options to the
// command line and says how it is run: 0 ok, 1 a problem was found or the verb failed. They print
// on standard output; main() turns what they throw into one line.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/identity.h"
#include "sync/trust.h"

namespace CLI {
class App;
}

namespace dws {

inline constexpr int kExitOk = 0;
inline constexpr int kExitProblem = 1;
inline constexpr int kExitUsage = 2;

// A value that a flag gives, or else the experiment's file under this key ("bucket.uri").
struct Configurable {
    std::string* value;
    std::string flag;
    std::string key;
    bool is_required = true;
};

struct Verb {
    CLI::App* command;
    std::vector<Configurable> configurable;  // not empty: the verb has --config too
    std::function<int(std::stop_token)> run;
};

Verb add_compact(CLI::App& app);
Verb add_diff(CLI::App& app);
Verb add_doorbell(CLI::App& app);
Verb add_gc(CLI::App& app);
Verb add_inspect(CLI::App& app);
Verb add_keygen(CLI::App& app);
Verb add_log(CLI::App& app);
Verb add_patch(CLI::App& app);
Verb add_pull(CLI::App& app);
Verb add_push(CLI::App& app);
Verb add_rotate_key(CLI::App& app);
Verb add_verify(CLI::App& app);

// Adds --bucket and --run, --trust, --since and --trust-jumps, and makes them configurable.
struct RunPlace {
    std::string bucket;
    std::string run;
    // Whom this call believes, as text; all may be empty.
    std::string log_key;
    std::string since;
    std::string jump_keys;  // ','-separated
};
std::vector<Configurable> add_run_place(CLI::App& verb, RunPlace& place);
// Throws std::runtime_error naming what is no key or record.
Trust trust_of(const RunPlace& place);

// Adds --key, of verbs that write.
Configurable add_key(CLI::App& verb, std::string& key_file);
// Empty when no file is named. Throws std::runtime_error when it holds no key.
std::optional<Identity> signer_in(const std::string& key_file);

}  // namespace dws
