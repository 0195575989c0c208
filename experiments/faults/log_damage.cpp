// A log record missing, there twice, or in the place of another that says the same: behind the
// workers that run, and before whoever comes later.
#include "experiments/faults/damage.h"
#include "experiments/faults/scenario.h"
#include "sync/sha256.h"

namespace dws {
namespace {

using Spoil = std::function<void(Bucket& store, const std::string& run, const Record& record)>;

Scenario record(const std::string& name, const Spoil& spoil, std::int64_t versions_after) {
    const auto repeat = [=](Arena& arena, Dice& dice) -> Trouble {
        if (Trouble late = arena.wait_versions(3); !late.empty()) return late;
        for (const std::string& worker : arena.system().workers())
            if (Trouble late = arena.wait_worker(worker, arena.audit().newest_version());
                !late.empty())
                return late;
        const std::vector<Record>& records = arena.audit().records();
        // Neither the first, which stands for the run, nor the last, after which nothing is known.
        const Record picked = records[static_cast<std::size_t>(
            dice.whole(1, static_cast<std::int64_t>(records.size()) - 3))];
        const std::string& run = arena.plan().system.run;
        const std::string key = log_key(run, picked.sequence);
        const Bytes bytes = read_object(arena.store(), key);
        spoil(arena.store(), run, picked);
        return a_newcomer_meets(arena, picked.version + versions_after,
                                [&] { overwrite(arena.store(), key, bytes); });
    };
    return {"record_" + name, 20, repeating(repeat)};
}

void repeat_the_one_before(Bucket& store, const std::string& run, const Record& record) {
    overwrite(store, log_key(run, record.sequence),
              read_object(store, log_key(run, record.sequence - 1)));
}

// Sound by itself; only the next record's hash tells that it is another.
void fork(Bucket& store, const std::string& run, const Record& record) {
    Record other = record;
    other.nonce = random_hex(record.nonce.size() / 2);
    overwrite(store, log_key(run, record.sequence), encode_record(other));
}

}  // namespace

std::vector<Scenario> log_damage() {
    return {record(
                "missing",
                [](Bucket& store, const std::string& run, const Record& picked) {
                    remove_object(store, log_key(run, picked.sequence));
                },
                0),
            record("repeated", repeat_the_one_before, 0), record("forked", fork, 1)};
}

}  // namespace dws
