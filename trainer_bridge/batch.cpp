#include "trainer_bridge/batch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/require.h"

namespace dws {
namespace {

// Of the vocabulary: more allowed tokens are not gathered.
constexpr std::size_t kNarrowShare = 4;

bool is_within(float value, float low, float high) { return value >= low && value <= high; }

bool is_reward(float value) { return is_within(value, -kMaxReward, kMaxReward); }

// may_sample: (vocab_size,) 1 for tokens of the allowed set. Null: nothing is wrong.
const char* token_fault(const Game& game, std::size_t at,
                        const std::vector<std::uint8_t>& may_sample) {
    const auto token = static_cast<std::size_t>(game.tokens[at]);
    if (token >= may_sample.size()) return "has a token outside the vocabulary";
    if (game.loss_mask[at] == 0) return nullptr;
    if (at == 0) return "begins with a sampled token";
    if (may_sample[token] == 0) return "has a sampled token that is not allowed";
    // Rounding may lift a certain token's log-probability slightly above 0.
    if (!is_within(game.logprobs[at], kMinLogprob, 1e-3f)) {
        return "has an impossible log-probability";
    }
    return nullptr;
}

const char* game_fault(const Game& game, const std::vector<std::uint8_t>& may_sample) {
    if (game.tokens.size() > kMaxGameTokens) return "has too many tokens";
    if (!is_reward(game.reward) || !std::ranges::all_of(game.turn_rewards, is_reward)) {
        return "has a reward out of range";
    }
    if (std::ranges::count(game.loss_mask, 1) == 0) return "has no sampled token";
    for (std::size_t at = 0; at < game.tokens.size(); ++at) {
        if (const char* fault = token_fault(game, at, may_sample)) return fault;
    }
    return nullptr;
}

// Empty: nothing is wrong. The group is one that may travel.
std::string learning_fault(const GameGroup& group, std::int32_t vocab_size) {
    if (!is_within(group.temperature, 1e-3f, 1e3f)) return "its temperature is out of range";
    std::vector<std::uint8_t> may_sample(static_cast<std::size_t>(vocab_size),
                                         group.allowed_tokens.empty() ? 1 : 0);
    for (const std::int32_t token : group.allowed_tokens) {
        if (token >= vocab_size) return "an allowed token is outside the vocabulary";
        std::uint8_t& is_allowed = may_sample[static_cast<std::size_t>(token)];
        if (is_allowed != 0) return "an allowed token is named twice";
        is_allowed = 1;
    }
    for (std::size_t index = 0; index < group.games.size(); ++index) {
        const char* fault = game_fault(group.games[index], may_sample);
        if (fault != nullptr) return "game " + std::to_string(index) + " " + fault;
    }
    return {};
}

// The input's length: up to the token before the last sampled one.
std::size_t input_tokens(const Game& game) {
    std::size_t last_sampled = game.tokens.size() - 1;
    while (last_sampled > 0 && game.loss_mask[last_sampled] == 0) --last_sampled;
    return last_sampled;
}

// advantages: of the game's turns, or null.
void append_game(const Game& game, const std::vector<float>* advantages, TrainingBatch& batch) {
    const std::size_t first = batch.input.tokens.size();
    const std::size_t inputs = input_tokens(game);
    batch.input.tokens.insert(batch.input.tokens.end(), game.tokens.begin(),
                              game.tokens.begin() + static_cast<std::ptrdiff_t>(inputs));
    batch.input.starts.push_back(static_cast<std::int32_t>(first + inputs));
    for (std::size_t at = 0; at < inputs; ++at) {
        if (game.loss_mask[at + 1] == 0) continue;
        const auto turn = static_cast<std::size_t>(game.turns[at + 1]);
        batch.input.rows.push_back(static_cast<std::int32_t>(first + at));
        batch.targets.push_back(game.tokens[at + 1]);
        batch.behaviour_logprobs.push_back(game.logprobs[at + 1]);
        batch.advantages.push_back(advantages != nullptr ? (*advantages)[turn] : 0.0f);
        batch.rule_of_row.push_back(batch.rules.size() - 1);
    }
}

TrainingBatch empty_batch() {
    TrainingBatch batch;
    batch.input.starts.push_back(0);
    return batch;
}

}  // namespace

Result<Done> check_group(const GameGroup& group, std::int32_t vocab_size) {
    std::string fault = group_fault(group);
    if (fault.empty()) fault = learning_fault(group, vocab_size);
    if (fault.empty()) return Done{};
    return Error{Fault::corrupt, std::move(fault)};
}

std::vector<TrainingBatch> make_batches(std::span<const GameGroup> groups,
                                        std::span<const Advantages> advantages) {
    require(advantages.empty() || advantages.size() == groups.size(), "an advantage per group");
    std::vector<TrainingBatch> batches;
    TrainingBatch batch = empty_batch();
    for (std::size_t index = 0; index < groups.size(); ++index) {
        const GameGroup& group = groups[index];
        batch.rules.push_back({group.allowed_tokens, group.temperature});
        for (std::size_t game = 0; game < group.games.size(); ++game) {
            const std::size_t inputs = input_tokens(group.games[game]);
            const std::size_t held = batch.input.tokens.size();
            if (held > 0 && held + inputs > kBatchTokens) {
                batches.push_back(std::move(batch));
                batch = empty_batch();
                batch.rules.push_back({group.allowed_tokens, group.temperature});
            }
            append_game(group.games[game], advantages.empty() ? nullptr : &advantages[index][game],
                        batch);
        }
    }
    if (!batch.targets.empty()) batches.push_back(std::move(batch));
    return batches;
}

RowRange rows_within(const TrainingBatch& batch, RowRange range) {
    require(range.first <= batch.targets.size(), "rows are the batch's");
    return {range.first, std::min(range.count, batch.targets.size() - range.first)};
}

void narrow_to_allowed(TrainingBatch& batch, std::int32_t vocab_size) {
    require(batch.columns.empty(), "a batch is narrowed once");
    std::vector<std::int32_t> columns;
    for (const SamplingRule& rule : batch.rules) {
        if (rule.allowed_tokens.empty()) return;
        columns.insert(columns.end(), rule.allowed_tokens.begin(), rule.allowed_tokens.end());
    }
    std::ranges::sort(columns);
    columns.erase(std::ranges::unique(columns).begin(), columns.end());
    if (columns.size() > static_cast<std::size_t>(vocab_size) / kNarrowShare) return;
    const auto column_of = [&columns](std::int32_t token) {
        const auto found = std::ranges::lower_bound(columns, token);
        require(found != columns.end() && *found == token, "a target is an allowed token");
        return static_cast<std::int32_t>(found - columns.begin());
    };
    for (SamplingRule& rule : batch.rules) {
        std::ranges::transform(rule.allowed_tokens, rule.allowed_tokens.begin(), column_of);
    }
    std::ranges::transform(batch.targets, batch.targets.begin(), column_of);
    batch.columns = std::move(columns);
}

}  // namespace dws
