// One experiment, as one YAML file that every process of it reads. An unknown key stops the
// program, naming file, line and the nearest known key. Credentials never stand here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/bucket_section.h"

namespace dws {

struct RunSection {
    std::string name = "run";        // prefix of every key in the bucket
    std::string output = "out/run";  // folder for event logs
    std::uint64_t seed = 0;
};

struct DoorbellSection {
    std::string inside;     // where ringers connect; empty: no doorbell
    std::string outside;    // where listeners connect
    double poll_ms = 1000;  // without a ring the next key is looked up this often
};

struct ModelSection {
    std::string config;             // path of config.json, relative to the YAML file
    std::string checkpoint;         // safetensors file or folder to start from; empty: random
    std::string init = "plain";     // random weights: plain | trained, as a released model's
    std::string tokenizer;          // tokenizer.json: games are chats; empty: letters
    std::string products = "auto";  // of matrices: fp32 | bf16 | auto (see model/products.h)
};

struct SyncSection {
    // Of the deltas. f: least work for receivers; x: least bytes; auto: per tile the smaller. A
    // version of several steps has f's tiles in all three. gap_delta, raw: what other tools read.
    std::string encoding = "auto";
    std::int64_t file_mib = 64;        // files are cut here
    std::int64_t files_in_flight = 3;  // encoded, hashed, sent side by side: the publisher's memory
    bool full_rescan = true;           // every version; false: rescan_tiles of it, rolling
    std::int64_t rescan_tiles = 16;
};

struct EnvSection {
    std::string endpoint = "tcp://127.0.0.1:5555";
    std::string rules = "open";  // open | textarena
    std::string words = "/usr/share/dict/american-english-small";
    std::int64_t secrets = 0;  // this many words drawn by secrets_seed; 0: all
    std::uint64_t secrets_seed = 1;
    std::int64_t sessions_max = 256;
    std::int64_t sessions_per_client = 0;  // 0: twice worker.slots, so that a worker's games fit
    double requests_per_second = 10'000;   // of one client; above it is told to slow down
    double session_expiry_s = 300;
};

struct WorkerSection {
    std::int64_t threads = 1;
    std::int64_t sync_threads = 1;   // stage and rescan; in the pause they and the others write
    std::int64_t slots = 64;         // games in flight
    std::int64_t weight_copies = 1;  // 2: a commit only changes their roles; twice the memory
    std::int64_t group_size = 8;     // games of one secret
    double temperature = 1;
    std::string kv_policy = "keep";    // keep | recompute, at a commit
    std::int64_t cache_tokens = 0;     // of all games, cached; 0: every slot can be full
    std::int64_t prompt_tokens = 256;  // of prompts, computed between two sampled tokens
    bool thinking = false;  // of a chat: the model's turn opens without finished, empty thoughts
    std::int64_t groups_ahead_max = 64;    // undecided groups of this worker; more: it pauses
    std::int64_t staleness_max_steps = 8;  // it pauses when its weights are further behind
    std::int64_t hold_back_versions = 0;   // commits a version only when this many newer exist
    double win_reward = 1;                 // per-turn rewards: see reward.h
    double speed_reward = 0.5;
    double green_reward = 0.1;
    double yellow_reward = 0.03;
    double valid_reward = 0.2;
};

struct WarmStartSection {
    std::int64_t steps = 0;  // cross-entropy steps before anchor 0; 0: none
    std::int64_t games_per_step = 64;
    double learning_rate = 2e-3;
    std::int64_t warmup_steps = 10;  // linear from 0; then linear down to a tenth
};

struct TrainerSection {
    std::int64_t threads = 1;
    std::int64_t steps = 300;
    std::int64_t groups_per_step = 32;
    double learning_rate = 3e-4;
    std::int64_t lr_warmup_steps = 5;
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0;
    double gradient_clip = 1;  // L2 norm over all arrays
    bool recompute = false;    // activations: a quarter of their memory, more time, the same bits
    double dead_band = 0;      // a word is published when |master - published| exceeds it
    std::string advantage = "turn";         // turn | episode
    std::string correction = "truncated";   // truncated | clipped | off
    double ratio_max = 2;                   // truncated: min(ratio, this)
    double ratio_clip = 0.2;                // clipped: PPO's epsilon
    std::int64_t max_staleness_steps = 8;   // older groups are dropped
    std::int64_t checkpoint_steps = 20;     // the whole training state, for --resume; 0: never
    std::int64_t checkpoints_kept = 2;      // each 14 bytes a weight
    std::string checkpoint_folder;          // empty: checkpoints/ in run.output
    std::int64_t rollback_max_steps = 200;  // --resume abandons no more committed steps than these
    WarmStartSection warm_start;
};

struct EvaluationSection {
    std::int64_t games = 512;
    std::uint64_t seed = 20'000;
};

// Who is who (base/identity.h). Texts are public ones, as `dws keygen NAME` prints them and
// NAME.pub holds them; what is private stays in the file that `own` names.
struct KeysSection {
    std::string own;      // of this process, NAME.key, relative to the YAML file; empty: none
    std::string memory;   // of the log, as far as it was accepted; empty: run.output/trust
    std::string trainer;  // whose log is followed; empty: anybody's
    std::string since;    // "SEQUENCE:SHA256" of a record it must hold; empty: none
    std::vector<std::string> workers;     // whose games count; who may speak to env and doorbell
    std::vector<std::string> compactors;  // whose jumps are taken
    std::string environment;              // who answers at env.endpoint
    std::string doorbell;                 // who answers at doorbell.inside and doorbell.outside
    bool insecure = false;                // sockets beyond this machine without keys, too
};

struct Config {
    RunSection run;
    BucketSection bucket;
    DoorbellSection doorbell;
    ModelSection model;
    SyncSection sync;
    EnvSection env;
    WorkerSection worker;
    TrainerSection trainer;
    EvaluationSection evaluation;
    KeysSection keys;
};

// overrides: "trainer.steps=50", applied after the file. Throws std::runtime_error with one line:
// file, line, key, what was expected. Paths of model and keys are made relative to the file.
Config load_config(const std::filesystem::path& file, const std::vector<std::string>& overrides);
// The same of a text that stands, or could stand, in the file.
Config parse_config(const std::string& yaml, const std::filesystem::path& file,
                    const std::vector<std::string>& overrides);

}  // namespace dws
