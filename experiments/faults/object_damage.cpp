// An object of a version deleted, truncated, with a bit flipped, or in the place of another.
#include "experiments/faults/damage.h"
#include "experiments/faults/scenario.h"

namespace dws {
namespace {

// Every worker is past it, so that only who comes later needs it.
const Record& pick_record(Arena& arena, Dice& dice) {
    const std::vector<Record>& records = arena.audit().records();
    const auto last = static_cast<std::int64_t>(records.size()) - 1;
    while (true) {
        const Record& record = records[static_cast<std::size_t>(dice.whole(0, last))];
        if (!record.objects.empty()) return record;
    }
}

Trouble let_workers_pass(Arena& arena) {
    for (const std::string& worker : arena.system().workers())
        if (Trouble late = arena.wait_worker(worker, arena.audit().newest_version()); !late.empty())
            return late;
    return "";
}

Scenario object(const Spoiling& spoiling) {
    const auto repeat = [spoiling](Arena& arena, Dice& dice) -> Trouble {
        if (Trouble late = arena.wait_versions(dice.whole(1, 3)); !late.empty()) return late;
        if (Trouble late = let_workers_pass(arena); !late.empty()) return late;
        const Record& record = pick_record(arena, dice);
        const Record* other = &pick_record(arena, dice);
        while (other->sequence == record.sequence) other = &pick_record(arena, dice);
        const std::string run = arena.plan().system.run + "/";
        const std::string key = run + record.objects.front().key;
        const Bytes bytes = read_object(arena.store(), key);
        const std::int64_t version = record.version;
        spoiling.spoil(arena.store(), key, dice, run + other->objects.front().key);
        return a_newcomer_meets(arena, version, [&] { overwrite(arena.store(), key, bytes); });
    };
    return {"object_" + spoiling.name, 20, repeating(repeat)};
}

}  // namespace

std::vector<Scenario> object_damage() {
    std::vector<Scenario> scenarios;
    for (const Spoiling& spoiling : spoilings()) scenarios.push_back(object(spoiling));
    return scenarios;
}

}  // namespace dws
