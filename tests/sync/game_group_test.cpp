#include "sync/games/game_group.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/clock.h"
#include "base/safetensors.h"
#include "tests/support/random_games.h"

namespace dws {
namespace {

void expect_equal(const GameGroup& a, const GameGroup& b) {
    EXPECT_EQ(a.worker, b.worker);
    EXPECT_EQ(a.number, b.number);
    EXPECT_EQ(a.is_demonstration, b.is_demonstration);
    EXPECT_EQ(a.seed, b.seed);
    EXPECT_EQ(a.allowed_tokens, b.allowed_tokens);
    EXPECT_EQ(a.temperature, b.temperature);
    EXPECT_EQ(a.outcomes, b.outcomes);
    ASSERT_EQ(a.games.size(), b.games.size());
    for (std::size_t game = 0; game < a.games.size(); ++game) {
        EXPECT_EQ(a.games[game].tokens, b.games[game].tokens);
        EXPECT_EQ(a.games[game].turns, b.games[game].turns);
        EXPECT_EQ(a.games[game].loss_mask, b.games[game].loss_mask);
        EXPECT_EQ(a.games[game].logprobs, b.games[game].logprobs);
        EXPECT_EQ(a.games[game].versions, b.games[game].versions);
        EXPECT_EQ(a.games[game].steps, b.games[game].steps);
        EXPECT_EQ(a.games[game].turn_rewards, b.games[game].turn_rewards);
        EXPECT_EQ(a.games[game].reward, b.games[game].reward);
    }
}

TEST(GameGroup, ComesBackAsItWent) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    for (const std::size_t games : {1u, 2u, 8u}) {
        GameGroup group = random_group(random, games);
        group.number = 12;
        group.is_demonstration = games == 2;
        const Result<GameGroup> decoded = decode_group(encode_group(group));
        ASSERT_TRUE(decoded) << decoded.error().detail;
        expect_equal(*decoded, group);
    }
}

TEST(GameGroup, AnEmptyListOfAllowedTokensMeansAll) {
    Random random(1);
    GameGroup group = random_group(random, 2);
    group.allowed_tokens.clear();
    const Result<GameGroup> decoded = decode_group(encode_group(group));
    ASSERT_TRUE(decoded) << decoded.error().detail;
    EXPECT_TRUE(decoded->allowed_tokens.empty());
}

TEST(GameGroup, KeysSortByNumber) {
    EXPECT_EQ(game_key("run", "w", 7), "run/games/w/00000007.safetensors");
}

TEST(GameGroup, ATruncatedFileIsCorrupt) {
    Random random(2);
    const Bytes file = encode_group(random_group(random, 2));
    for (std::size_t size = 0; size < file.size(); ++size) {
        const Result<GameGroup> decoded = decode_group(std::span(file).first(size));
        ASSERT_FALSE(decoded) << size;
        ASSERT_EQ(decoded.error().fault, Fault::corrupt);
    }
}

// Values may be other values; nothing else may happen.
TEST(GameGroup, AFlippedBitIsCorruptOrStillAGroup) {
    Random random(3);
    Bytes file = encode_group(random_group(random, 1));
    for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
        const std::byte mask = std::byte{1} << (bit % 8);
        file[bit / 8] ^= mask;
        const Result<GameGroup> decoded = decode_group(file);
        if (decoded)
            EXPECT_EQ(group_fault(*decoded), "");
        else
            EXPECT_EQ(decoded.error().fault, Fault::corrupt);
        file[bit / 8] ^= mask;
    }
}

// What the sender's own check says, and the receiver's after the way.
struct Spoiled {
    const char* what;
    std::function<void(GameGroup&)> spoil;
};

TEST(GameGroup, WhatMayNotTravelIsNamed) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<Spoiled> cases = {
        {"log-probability", [&](GameGroup& group) { group.games[0].logprobs[1] = nan; }},
        {"reward that is not finite", [&](GameGroup& group) { group.games[1].reward = nan; }},
        {"reward that is not finite",
         [&](GameGroup& group) { group.games[1].turn_rewards[0] = nan; }},
        {"turn without a reward", [](GameGroup& group) { group.games[0].turns[1] = 2; }},
        {"turn without a reward", [](GameGroup& group) { group.games[0].turns[1] = -1; }},
        {"negative token", [](GameGroup& group) { group.games[0].tokens[0] = -1; }},
        {"neither 0 nor 1", [](GameGroup& group) { group.games[0].loss_mask[0] = 2; }},
        {"without the version", [](GameGroup& group) { group.games[0].versions[1] = -1; }},
        {"different lengths", [](GameGroup& group) { group.games[0].steps.pop_back(); }},
        {"no tokens", [](GameGroup& group) { group.games[0] = Game{}; }},
        {"0 games", [](GameGroup& group) { group.games.clear(); }},
        {"temperature", [](GameGroup& group) { group.temperature = 0; }},
        {"allowed token", [](GameGroup& group) { group.allowed_tokens = {-1}; }},
        {"worker's name", [](GameGroup& group) { group.worker = "a/b"; }},
        {"worker's name", [](GameGroup& group) { group.worker = ".."; }},
        {"number", [](GameGroup& group) { group.number = -1; }},
        {"outcome's name",
         [](GameGroup& group) {
             group.outcomes["A b"] = {1, 1};
         }},
        {"one finite number per game", [](GameGroup& group) { group.outcomes["won"] = {1}; }},
    };
    for (const Spoiled& spoiled : cases) {
        Random random(4);
        GameGroup group = random_group(random, 2);
        spoiled.spoil(group);
        EXPECT_NE(group_fault(group).find(spoiled.what), std::string::npos)
            << spoiled.what << ": " << group_fault(group);
    }
}

// A sound file with its arrays or metadata changed by a stranger.
Result<GameGroup> decode_changed(
    const std::function<void(std::vector<TensorView>&, Metadata&)>& change) {
    Random random(5);
    const Bytes file = encode_group(random_group(random, 2));
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    std::vector<TensorView> arrays = view->tensors();
    Metadata metadata = view->metadata();
    change(arrays, metadata);
    return decode_group(write_safetensors(arrays, metadata));
}

std::size_t index_of(const std::vector<TensorView>& arrays, const std::string& name) {
    for (std::size_t index = 0; index < arrays.size(); ++index)
        if (arrays[index].spec.name == name) return index;
    return arrays.size();
}

TEST(GameGroup, AFileOfAnotherFormatIsCorrupt) {
    EXPECT_TRUE(decode_changed([](auto&, auto&) {}));
    EXPECT_FALSE(decode_changed([](auto&, Metadata& metadata) { metadata["version"] = "2"; }));
    EXPECT_FALSE(decode_changed([](auto&, Metadata& metadata) { metadata.erase("format"); }));
    EXPECT_FALSE(decode_changed([](auto&, Metadata& metadata) { metadata["number"] = "-1"; }));
    EXPECT_FALSE(decode_changed([](auto&, Metadata& metadata) { metadata["seed"] = "1x"; }));
    EXPECT_FALSE(decode_changed([](auto&, Metadata& metadata) { metadata.erase("worker"); }));
}

TEST(GameGroup, MissingUnknownAndMistypedArraysAreCorrupt) {
    EXPECT_FALSE(decode_changed([](std::vector<TensorView>& arrays, Metadata&) {
        arrays.erase(arrays.begin() + static_cast<std::ptrdiff_t>(index_of(arrays, "turns")));
    }));
    EXPECT_FALSE(decode_changed([](std::vector<TensorView>& arrays, Metadata&) {
        arrays[index_of(arrays, "outcome.won")].spec.name = "won";
    }));
    EXPECT_FALSE(decode_changed([](std::vector<TensorView>& arrays, Metadata&) {
        arrays[index_of(arrays, "tokens")].spec.dtype = DType::kF32;
    }));
    EXPECT_FALSE(decode_changed([](std::vector<TensorView>& arrays, Metadata&) {
        arrays[index_of(arrays, "tokens")].spec.shape.push_back(1);
    }));
}

TEST(GameGroup, StartsThatDoNotFitAreCorrupt) {
    for (const std::vector<std::int64_t>& starts :
         std::vector<std::vector<std::int64_t>>{{0, 1, 1 << 20}, {1, 2, 3}, {0, 5, -1}, {0}, {}}) {
        EXPECT_FALSE(decode_changed([&](std::vector<TensorView>& arrays, Metadata&) {
            TensorView& array = arrays[index_of(arrays, "game_starts")];
            array.spec.shape = {static_cast<std::int64_t>(starts.size())};
            array.data = std::as_bytes(std::span(starts));
        }));
    }
}

// 60 MB of games without tokens would be gigabytes of empty ones in memory.
TEST(GameGroup, TooManyGamesAreRefusedBeforeAnyIsBuilt) {
    const std::vector<std::int64_t> starts(3'000'001, 0);
    const std::vector<float> rewards(3'000'000, 0);
    const Stopwatch watch;
    const Result<GameGroup> group = decode_changed([&](std::vector<TensorView>& arrays, Metadata&) {
        const auto replace = [&](const std::string& name, const auto& values) {
            TensorView& array = arrays[index_of(arrays, name)];
            array.spec.shape = {static_cast<std::int64_t>(values.size())};
            array.data = std::as_bytes(std::span(values));
        };
        replace("game_starts", starts);
        replace("turn_starts", starts);
        replace("rewards", rewards);
    });
    ASSERT_FALSE(group);
    EXPECT_NE(group.error().detail.find("3000000 games"), std::string::npos)
        << group.error().detail;
    EXPECT_LT(watch.seconds(), 5);
}

}  // namespace
}  // namespace dws
