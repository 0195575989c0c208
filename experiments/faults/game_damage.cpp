// A game group deleted, truncated, with a bit flipped, or in the place of another, which a trainer
// that was killed had learned from since its last checkpoint: its steps cannot be repeated, so it
// goes back to the checkpoint, and says why.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/identity.h"
#include "experiments/faults/damage.h"
#include "experiments/faults/scenario.h"
#include "sync/games/game_group.h"

namespace dws {
namespace {

// Of five moments one is so near a checkpoint that there is nothing to repeat.
constexpr int kKillsMax = 20;
constexpr double kBack_s = 20;

// The log record that the newest checkpoint stands at, which its file's name begins with.
std::uint64_t sequence_of_checkpoint(const std::filesystem::path& folder) {
    constexpr std::string_view kStem = "checkpoint-";
    std::uint64_t newest = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(kStem) || !name.ends_with(".safetensors")) continue;
        std::uint64_t sequence = 0;
        std::from_chars(name.data() + kStem.size(), name.data() + name.size(), sequence);
        newest = std::max(newest, sequence);
    }
    return newest;
}

// The newest record whose steps are to be repeated from that checkpoint on; null: there is none.
const Record* newest_repeated(const std::vector<Record>& records, std::uint64_t checkpoint) {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
        if (record->sequence <= checkpoint || record->is_rollback) return nullptr;
        if (!record->steps.empty()) return &*record;
    }
    return nullptr;
}

// One of the groups that the record's steps were trained on.
std::string pick_group(const Record& record, Dice& dice) {
    const auto one_of = [&](const auto& list) -> const auto& {
        return list[static_cast<std::size_t>(
            dice.whole(0, static_cast<std::int64_t>(list.size()) - 1))];
    };
    const TrainedRun& run = one_of(one_of(record.steps));
    return game_key(record.run, record.games[run.worker].worker,
                    run.first + dice.whole(0, run.count - 1));
}

// One of the first that were trained. Several records have steps by now, so it is none of the
// newest one's.
std::string pick_old_group(const std::vector<Record>& records, Dice& dice) {
    for (const Record& record : records)
        if (!record.steps.empty()) return pick_group(record, dice);
    throw std::runtime_error("no record names what its steps were trained on");
}

class GameDamage : public Round {
public:
    explicit GameDamage(Spoiling spoiling) : spoiling_(std::move(spoiling)) {}

    // Everybody signs, with one key: a bit of a group may flip where nothing is learned from it (a
    // seed, say), and the signature alone knows.
    void prepare(ArenaPlan& plan) override {
        const std::filesystem::path file = plan.system.folder / "everybody.key";
        const Identity everybody = Identity::generate();
        everybody.write_new(file);
        plan.system.settings.push_back("keys.own=" + file.string());
        for (const char* who : {"trainer", "workers", "environment"})
            plan.system.settings.push_back("keys." + std::string(who) + "=" +
                                           everybody.shared().text());
    }

    Trouble repeat(Arena& arena, Dice& dice) override {
        const Killed killed = kill_in_need_of_games(arena, dice);
        if (!killed.trouble.empty()) return killed.trouble;
        const Bytes bytes = read_object(arena.store(), killed.key);
        spoiling_.spoil(arena.store(), killed.key, dice,
                        pick_old_group(arena.audit().records(), dice));
        const Trouble trouble = comes_back_without(killed.key, arena);
        overwrite(arena.store(), killed.key, bytes);
        return trouble.empty() ? arena.wait_versions(2) : trouble;
    }

private:
    struct Killed {
        Trouble trouble;
        std::string key;  // of a group that the trainer has learned from since its last checkpoint
    };
    static Killed kill_in_need_of_games(Arena& arena, Dice& dice) {
        for (int kills = 0; kills < kKillsMax; ++kills) {
            Trouble late = arena.wait_versions(dice.whole(1, 4));
            if (!late.empty()) return {late, ""};
            arena.pause(dice.uniform(0, 0.15));
            arena.system().kill(arena.trainer);
            const Result<Done> read = arena.audit().read_on();
            if (!read) return {"the log: " + read.error().detail, ""};
            const std::uint64_t checkpoint =
                sequence_of_checkpoint(arena.system().output_of(arena.trainer) / "checkpoints");
            const Record* record = newest_repeated(arena.audit().records(), checkpoint);
            if (record != nullptr) return {"", pick_group(*record, dice)};
            arena.system().start_trainer(arena.trainer, "--resume");
        }
        return {fmt::format("{} kills, and never a step to repeat", kKillsMax), ""};
    }

    // The trainer rolls back, for this group's sake, and the log says so.
    static Trouble comes_back_without(const std::string& key, Arena& arena) {
        RunSystem& system = arena.system();
        system.events().poll();
        const ProcessSeen& seen = system.events().seen(arena.trainer);
        const std::map<std::string, std::int64_t> resumes = seen.resumes;
        const std::size_t records = arena.audit().records().size();
        system.start_trainer(arena.trainer, "--resume");
        Trouble late = arena.wait_until(
            [&] { return seen.resumes != resumes || !system.is_alive(arena.trainer); },
            "sign of the trainer's return", kBack_s);
        if (!late.empty()) return late;
        if (seen.resumes == resumes)
            return "the trainer has ended: " + system.last_line(arena.trainer);
        if (seen.rollback_reason.find(key) == std::string::npos)
            return fmt::format("{} was spoilt, and the trainer's last rollback was for: {}", key,
                               seen.rollback_reason);
        const Result<Done> read = arena.audit().read_on();
        if (!read) return "the log: " + read.error().detail;
        const std::vector<Record>& all = arena.audit().records();
        for (std::size_t record = records; record < all.size(); ++record)
            if (all[record].is_rollback) return "";
        return "no version is marked as a rollback";
    }

    const Spoiling spoiling_;
};

}  // namespace

std::vector<Scenario> game_damage() {
    std::vector<Scenario> scenarios;
    for (const Spoiling& spoiling : spoilings())
        scenarios.push_back({"game_" + spoiling.name, 20,
                             [spoiling] { return std::make_unique<GameDamage>(spoiling); }});
    return scenarios;
}

}  // namespace dws
