#include "configs/config.h"

#include <stdexcept>

#include "configs/setting.h"
#include "configs/setting_reader.h"

namespace dws {
namespace {

void read(SettingReader& reader, RunSection& run) {
    reader.non_empty("run.name", run.name);
    reader.non_empty("run.output", run.output);
    reader.seed("run.seed", run.seed);
}

void read(SettingReader& reader, BucketSection& bucket) {
    reader.non_empty("bucket.uri", bucket.uri);
    reader.at_least_0("bucket.latency_ms", bucket.latency_ms);
    reader.at_least_0("bucket.put_latency_ms", bucket.put_latency_ms);
    reader.at_least_0("bucket.megabit_per_s", bucket.megabit_per_s);
    reader.at_least_0("bucket.retry_deadline_s", bucket.retry_deadline_s);
    reader.at_least_0("bucket.limit_megabit_per_s", bucket.limit_megabit_per_s);
    reader.flag("bucket.unfenced", bucket.unfenced);
}

void read(SettingReader& reader, DoorbellSection& doorbell) {
    reader.text("doorbell.inside", doorbell.inside);
    reader.text("doorbell.outside", doorbell.outside);
    reader.above_0("doorbell.poll_ms", doorbell.poll_ms);
}

void read(SettingReader& reader, ModelSection& model) {
    reader.non_empty("model.config", model.config);
    reader.text("model.checkpoint", model.checkpoint);
    reader.text("model.tokenizer", model.tokenizer);
    reader.choice("model.init", model.init, {"plain", "trained"});
    reader.choice("model.products", model.products, {"auto", "fp32", "bf16"});
}

void read(SettingReader& reader, SyncSection& sync) {
    constexpr std::int64_t most_mib = 1 << 20;  // a file is held whole while it is encoded
    constexpr std::int64_t most_files = 64;     // each has a thread while it is sent
    reader.choice("sync.encoding", sync.encoding, {"auto", "x", "f", "gap_delta", "raw"});
    reader.count("sync.file_mib", sync.file_mib, 1, most_mib);
    reader.count("sync.files_in_flight", sync.files_in_flight, 1, most_files);
    reader.flag("sync.full_rescan", sync.full_rescan);
    reader.count("sync.rescan_tiles", sync.rescan_tiles, 1);
}

void read(SettingReader& reader, EnvSection& env) {
    reader.non_empty("env.endpoint", env.endpoint);
    reader.choice("env.rules", env.rules, {"open", "textarena"});
    reader.non_empty("env.words", env.words);
    reader.count("env.secrets", env.secrets, 0);
    reader.seed("env.secrets_seed", env.secrets_seed);
    reader.count("env.sessions_max", env.sessions_max, 1);
    reader.count("env.sessions_per_client", env.sessions_per_client, 0);
    reader.above_0("env.requests_per_second", env.requests_per_second);
    reader.above_0("env.session_expiry_s", env.session_expiry_s);
}

void read(SettingReader& reader, WorkerSection& worker) {
    reader.count("worker.threads", worker.threads, 1);
    reader.count("worker.sync_threads", worker.sync_threads, 1);
    reader.count("worker.slots", worker.slots, 1);
    reader.count("worker.weight_copies", worker.weight_copies, 1, 2);
    reader.count("worker.group_size", worker.group_size, 1);
    reader.above_0("worker.temperature", worker.temperature);
    reader.choice("worker.kv_policy", worker.kv_policy, {"keep", "recompute"});
    reader.count("worker.cache_tokens", worker.cache_tokens, 0);
    reader.count("worker.prompt_tokens", worker.prompt_tokens, 1);
    reader.flag("worker.thinking", worker.thinking);
    reader.count("worker.groups_ahead_max", worker.groups_ahead_max, 1);
    reader.count("worker.staleness_max_steps", worker.staleness_max_steps, 0);
    reader.count("worker.hold_back_versions", worker.hold_back_versions, 0);
    reader.number("worker.win_reward", worker.win_reward);
    reader.number("worker.speed_reward", worker.speed_reward);
    reader.number("worker.green_reward", worker.green_reward);
    reader.number("worker.yellow_reward", worker.yellow_reward);
    reader.number("worker.valid_reward", worker.valid_reward);
}

void read(SettingReader& reader, WarmStartSection& warm_start) {
    reader.count("trainer.warm_start.steps", warm_start.steps, 0);
    reader.count("trainer.warm_start.games_per_step", warm_start.games_per_step, 1);
    reader.at_least_0("trainer.warm_start.learning_rate", warm_start.learning_rate);
    reader.count("trainer.warm_start.warmup_steps", warm_start.warmup_steps, 0);
}

void read(SettingReader& reader, TrainerSection& trainer) {
    reader.count("trainer.threads", trainer.threads, 1);
    reader.count("trainer.steps", trainer.steps, 0);
    reader.count("trainer.groups_per_step", trainer.groups_per_step, 1);
    reader.at_least_0("trainer.learning_rate", trainer.learning_rate);
    reader.count("trainer.lr_warmup_steps", trainer.lr_warmup_steps, 0);
    reader.share_below_1("trainer.beta1", trainer.beta1);
    reader.share_below_1("trainer.beta2", trainer.beta2);
    reader.above_0("trainer.epsilon", trainer.epsilon);
    reader.at_least_0("trainer.weight_decay", trainer.weight_decay);
    reader.above_0("trainer.gradient_clip", trainer.gradient_clip);
    reader.flag("trainer.recompute", trainer.recompute);
    reader.at_least_0("trainer.dead_band", trainer.dead_band);
    reader.choice("trainer.advantage", trainer.advantage, {"turn", "episode"});
    reader.choice("trainer.correction", trainer.correction, {"truncated", "clipped", "off"});
    reader.above_0("trainer.ratio_max", trainer.ratio_max);
    reader.share("trainer.ratio_clip", trainer.ratio_clip);
    reader.count("trainer.max_staleness_steps", trainer.max_staleness_steps, 0);
    reader.count("trainer.checkpoint_steps", trainer.checkpoint_steps, 0);
    reader.count("trainer.checkpoints_kept", trainer.checkpoints_kept, 1);
    reader.text("trainer.checkpoint_folder", trainer.checkpoint_folder);
    reader.count("trainer.rollback_max_steps", trainer.rollback_max_steps, 0);
    read(reader, trainer.warm_start);
}

void read(SettingReader& reader, EvaluationSection& evaluation) {
    reader.count("evaluation.games", evaluation.games, 1);
    reader.seed("evaluation.seed", evaluation.seed);
}

void read(SettingReader& reader, KeysSection& keys) {
    reader.text("keys.own", keys.own);
    reader.text("keys.memory", keys.memory);
    reader.identity("keys.trainer", keys.trainer);
    reader.text("keys.since", keys.since);
    reader.identities("keys.workers", keys.workers);
    reader.identities("keys.compactors", keys.compactors);
    reader.identity("keys.environment", keys.environment);
    reader.identity("keys.doorbell", keys.doorbell);
    reader.flag("keys.insecure", keys.insecure);
}

// The later of two overrides of one key holds.
void override_one(Settings& settings, const std::string& override_text) {
    const std::size_t equals = override_text.find('=');
    if (equals == std::string::npos || equals == 0)
        throw std::runtime_error("--set " + override_text + ": expected KEY=VALUE");
    const std::string value = override_text.substr(equals + 1);
    refuse_private_key(value, "--set " + override_text.substr(0, equals));
    settings[override_text.substr(0, equals)] = {Setting::Kind::text, value, {}, "--set"};
}

// Between keys that are each sound.
void refuse_contradictions(const Config& config, const std::filesystem::path& file) {
    const bool has_chat = !config.model.tokenizer.empty();
    if (has_chat && config.trainer.warm_start.steps > 0)
        throw std::runtime_error(file.string() +
                                 ": trainer.warm_start.steps: demonstrations are played in "
                                 "letters; with model.tokenizer it must be 0");
    if (!has_chat && config.worker.thinking)
        throw std::runtime_error(file.string() +
                                 ": worker.thinking: letters hold no thoughts; it needs "
                                 "model.tokenizer");
}

std::string beside(const std::filesystem::path& file, const std::string& path) {
    if (path.empty()) return path;
    return (file.parent_path() / path).lexically_normal().string();
}

}  // namespace

Config load_config(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
    return parse_config(read_text(file), file, overrides);
}

Config parse_config(const std::string& yaml, const std::filesystem::path& file,
                    const std::vector<std::string>& overrides) {
    Settings settings = parse_yaml(yaml, file.string());
    for (const std::string& each : overrides) override_one(settings, each);

    Config config;
    SettingReader reader(std::move(settings));
    read(reader, config.run);
    read(reader, config.bucket);
    read(reader, config.doorbell);
    read(reader, config.model);
    read(reader, config.sync);
    read(reader, config.env);
    read(reader, config.worker);
    read(reader, config.trainer);
    read(reader, config.evaluation);
    read(reader, config.keys);
    reader.finish();
    refuse_contradictions(config, file);

    config.model.config = beside(file, config.model.config);
    config.model.checkpoint = beside(file, config.model.checkpoint);
    config.model.tokenizer = beside(file, config.model.tokenizer);
    config.keys.own = beside(file, config.keys.own);
    config.keys.memory = beside(file, config.keys.memory);
    return config;
}

}  // namespace dws
