#include "rollout_worker/play_setup.h"

#include <fmt/format.h>

#include <stdexcept>

#include "configs/socket_keys.h"

namespace dws {

ModelConfig load_playing_model(const Config& config, const GameText& text) {
    if (config.env.rules != "open") {
        throw std::runtime_error(
            "env.rules: a worker that plays letter by letter needs 'open', "
            "where every guess gets feedback; not '" +
            config.env.rules + "'");
    }
    const ModelConfig model = load_model_config(config.model.config);
    if (model.vocab_size < text.vocabulary()) {
        throw std::runtime_error(fmt::format("{}: vocab_size {} is below the {} tokens of the game",
                                             config.model.config, model.vocab_size,
                                             text.vocabulary()));
    }
    return model;
}

EngineOptions engine_options(const WorkerSection& worker, const GameText& text, std::size_t slots) {
    EngineOptions options;
    options.slots = static_cast<int>(slots);
    options.capacity_tokens = text.game_tokens_max();
    if (worker.cache_tokens != 0 && worker.cache_tokens < options.capacity_tokens) {
        throw std::runtime_error(fmt::format("worker.cache_tokens: {} is below the {} of one game",
                                             worker.cache_tokens, options.capacity_tokens));
    }
    options.cache_tokens = static_cast<int>(worker.cache_tokens);
    options.prompt_tokens_max = static_cast<int>(worker.prompt_tokens);
    options.allowed_tokens = text.allowed_tokens();
    options.temperature = static_cast<float>(worker.temperature);
    options.kv_policy = worker.kv_policy == "recompute" ? KvPolicy::recompute : KvPolicy::keep;
    return options;
}

PlayerOptions player_options(const WorkerSection& worker, std::size_t slots) {
    PlayerOptions options;
    options.slots = slots;
    options.temperature = static_cast<float>(worker.temperature);
    options.rewards = {worker.win_reward, worker.speed_reward, worker.green_reward,
                       worker.yellow_reward, worker.valid_reward};
    return options;
}

EnvClientOptions env_options(const Config& config, const std::optional<Identity>& own) {
    EnvClientOptions options;
    options.endpoint = config.env.endpoint;
    options.keys = keys_to_environment(config, own);
    return options;
}

}  // namespace dws
