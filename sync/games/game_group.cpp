#include "sync/games/game_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/require.h"
#include "base/safetensors.h"
#include "sync/bucket/bucket.h"

namespace dws {
namespace {

constexpr std::string_view kFormat = "dws.game_group";
constexpr std::string_view kOutcome = "outcome.";  // prefix of an outcome's array

template <class T>
constexpr DType kDTypeOf = DType::kU8;
template <>
constexpr DType kDTypeOf<std::int32_t> = DType::kI32;
template <>
constexpr DType kDTypeOf<std::int64_t> = DType::kI64;
template <>
constexpr DType kDTypeOf<float> = DType::kF32;

// One value per token, turn or game, of all games one after another.
struct Columns {
    std::vector<std::int64_t> game_starts;  // (games + 1,) into the tokens
    std::vector<std::int64_t> turn_starts;  // (games + 1,) into turn_rewards
    std::vector<std::int64_t> versions, steps;
    std::vector<std::int32_t> tokens, turns, allowed_tokens;
    std::vector<float> logprobs, turn_rewards, rewards, temperature;
    std::vector<std::uint8_t> loss_mask;
};

// The file's arrays but the outcomes, in the file's order: widest first, so that each is aligned.
template <class SomeColumns, class Visit>
void for_each_column(SomeColumns& columns, const Visit& visit) {
    visit("game_starts", columns.game_starts);
    visit("turn_starts", columns.turn_starts);
    visit("versions", columns.versions);
    visit("steps", columns.steps);
    visit("tokens", columns.tokens);
    visit("turns", columns.turns);
    visit("logprobs", columns.logprobs);
    visit("turn_rewards", columns.turn_rewards);
    visit("rewards", columns.rewards);
    visit("allowed_tokens", columns.allowed_tokens);
    visit("temperature", columns.temperature);
    visit("loss_mask", columns.loss_mask);
}

template <class T>
void append(std::vector<T>& all, const std::vector<T>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

Columns columns_of(const GameGroup& group) {
    Columns columns;
    columns.game_starts.push_back(0);
    columns.turn_starts.push_back(0);
    for (const Game& game : group.games) {
        append(columns.tokens, game.tokens);
        append(columns.turns, game.turns);
        append(columns.loss_mask, game.loss_mask);
        append(columns.logprobs, game.logprobs);
        append(columns.versions, game.versions);
        append(columns.steps, game.steps);
        append(columns.turn_rewards, game.turn_rewards);
        columns.rewards.push_back(game.reward);
        columns.game_starts.push_back(static_cast<std::int64_t>(columns.tokens.size()));
        columns.turn_starts.push_back(static_cast<std::int64_t>(columns.turn_rewards.size()));
    }
    columns.allowed_tokens = group.allowed_tokens;
    columns.temperature = {group.temperature};
    return columns;
}

template <class T>
TensorView view_of(std::string name, const std::vector<T>& values) {
    return {.spec = {std::move(name), kDTypeOf<T>, {static_cast<std::int64_t>(values.size())}},
            .data = std::as_bytes(std::span(values))};
}

Error corrupt(std::string detail) { return {Fault::corrupt, "game group: " + std::move(detail)}; }

// Null, or what is wrong with the array.
template <class T>
std::optional<Error> read_array(const SafetensorsView& file, std::string_view name,
                                std::vector<T>& values) {
    const TensorView* array = file.find(name);
    if (array == nullptr) return corrupt(fmt::format("no array {}", name));
    if (array->spec.dtype != kDTypeOf<T> || array->spec.shape.size() != 1)
        return corrupt(fmt::format("array {} has the wrong dtype or shape", name));
    values.resize(array->data.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), array->data.data(), array->data.size());
    return std::nullopt;
}

std::optional<std::uint64_t> number_in(const Metadata& metadata, const std::string& key) {
    const auto found = metadata.find(key);
    if (found == metadata.end() || found->second.empty()) return std::nullopt;
    const std::string& text = found->second;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<Error> read_metadata(const Metadata& metadata, GameGroup& group) {
    const auto text = [&](const std::string& key) {
        const auto found = metadata.find(key);
        return found == metadata.end() ? std::string() : found->second;
    };
    if (text("format") != kFormat || text("version") != "1")
        return corrupt(fmt::format("metadata is not format {}, version 1", kFormat));
    const auto number = number_in(metadata, "number");
    const auto seed = number_in(metadata, "seed");
    const auto is_demonstration = number_in(metadata, "is_demonstration");
    if (!number || *number > INT64_MAX || !seed || !is_demonstration || *is_demonstration > 1)
        return corrupt("metadata lacks number, seed or is_demonstration");
    group.worker = text("worker");
    group.number = static_cast<std::int64_t>(*number);
    group.seed = *seed;
    group.is_demonstration = *is_demonstration == 1;
    return std::nullopt;
}

// Starts go from 0 to `end`, one per game and one more, and never back.
bool are_starts(const std::vector<std::int64_t>& starts, std::size_t games, std::size_t end) {
    return starts.size() == games + 1 && starts.front() == 0 &&
           std::is_sorted(starts.begin(), starts.end()) &&
           starts.back() == static_cast<std::int64_t>(end);
}

std::optional<Error> check_lengths(const Columns& columns) {
    const std::size_t games = columns.rewards.size();
    const std::size_t tokens = columns.tokens.size();
    // Before any game is built: a game takes more memory than its 20 bytes of the file.
    if (games > kMaxGroupGames)
        return corrupt(fmt::format("{} games, not 1 to {}", games, kMaxGroupGames));
    if (tokens > kMaxGroupTokens) return corrupt("too many tokens");
    for (const std::size_t size :
         {columns.turns.size(), columns.loss_mask.size(), columns.logprobs.size(),
          columns.versions.size(), columns.steps.size()})
        if (size != tokens) return corrupt("arrays per token have different lengths");
    if (!are_starts(columns.game_starts, games, tokens)) return corrupt("game_starts do not fit");
    if (!are_starts(columns.turn_starts, games, columns.turn_rewards.size()))
        return corrupt("turn_starts do not fit");
    if (columns.temperature.size() != 1) return corrupt("temperature is not one number");
    return std::nullopt;
}

template <class T>
std::vector<T> slice(const std::vector<T>& all, const std::vector<std::int64_t>& starts,
                     std::size_t game) {
    return {all.begin() + starts[game], all.begin() + starts[game + 1]};
}

void fill_games(const Columns& columns, GameGroup& group) {
    for (std::size_t index = 0; index < columns.rewards.size(); ++index) {
        Game game;
        game.tokens = slice(columns.tokens, columns.game_starts, index);
        game.turns = slice(columns.turns, columns.game_starts, index);
        game.loss_mask = slice(columns.loss_mask, columns.game_starts, index);
        game.logprobs = slice(columns.logprobs, columns.game_starts, index);
        game.versions = slice(columns.versions, columns.game_starts, index);
        game.steps = slice(columns.steps, columns.game_starts, index);
        game.turn_rewards = slice(columns.turn_rewards, columns.turn_starts, index);
        game.reward = columns.rewards[index];
        group.games.push_back(std::move(game));
    }
    group.allowed_tokens = columns.allowed_tokens;
    group.temperature = columns.temperature.front();
}

}  // namespace

Bytes encode_group(const GameGroup& group, const std::map<std::string, std::string>& more) {
    require(group_fault(group).empty(), "a group is checked before it is sent");
    const Columns columns = columns_of(group);
    std::vector<TensorView> arrays;
    for_each_column(columns, [&](const char* name, const auto& values) {
        arrays.push_back(view_of(name, values));
    });
    for (const auto& [name, values] : group.outcomes)
        arrays.insert(arrays.end() - 1, view_of(std::string(kOutcome) + name, values));
    Metadata metadata = {{"format", std::string(kFormat)},
                         {"version", "1"},
                         {"worker", group.worker},
                         {"number", std::to_string(group.number)},
                         {"seed", std::to_string(group.seed)},
                         {"is_demonstration", group.is_demonstration ? "1" : "0"}};
    metadata.insert(more.begin(), more.end());
    return write_safetensors(arrays, metadata);
}

Result<GameGroup> decode_group(std::span<const std::byte> bytes) {
    if (bytes.size() > kMaxGroupBytes) return corrupt("larger than a group may be");
    const Result<SafetensorsView> file = SafetensorsView::parse(bytes);
    if (!file) return corrupt(file.error().detail);
    GameGroup group;
    if (const auto error = read_metadata(file->metadata(), group)) return *error;

    Columns columns;
    std::size_t known_arrays = 0;
    std::optional<Error> error;
    for_each_column(columns, [&](const char* name, auto& values) {
        if (!error) error = read_array(*file, name, values);
        known_arrays += 1;
    });
    for (const TensorView& array : file->tensors()) {
        const std::string& name = array.spec.name;
        if (error || !name.starts_with(kOutcome)) continue;
        error = read_array(*file, name, group.outcomes[name.substr(kOutcome.size())]);
        known_arrays += 1;
    }
    if (!error) error = check_lengths(columns);
    if (error) return *error;
    if (known_arrays != file->tensors().size()) return corrupt("it has an array of unknown name");
    fill_games(columns, group);
    const std::string fault = group_fault(group);
    if (!fault.empty()) return corrupt(fault);
    return group;
}

std::string game_key(const std::string& run, const std::string& worker, std::int64_t number) {
    return fmt::format("{}/games/{}/{:08d}.safetensors", run, worker, number);
}

}  // namespace dws
