// A store that answers badly for a second or so: to everybody, and to a newcomer.
#include <fmt/format.h>

#include "experiments/faults/scenario.h"

namespace dws {
namespace {

constexpr double kPatience_s = 40;  // a Retry-After of 1 s may come several times in a row

Scenario answering(const std::string& name, const std::string& faults) {
    const auto repeat = [faults](Arena& arena, Dice& dice) -> Trouble {
        FaultDice& store = arena.proxy()->dice();
        const std::int64_t harmless = store.counts()[StoreFault::none];
        const std::int64_t all = store.drawn();
        arena.pause(dice.uniform(0, 0.3));
        store.set(*parse_fault_plan(faults));
        const std::string newcomer = arena.system().start_worker();
        arena.pause(dice.uniform(0.5, 1.5));
        store.set({});
        if (store.drawn() - all == store.counts()[StoreFault::none] - harmless)
            return "no request met the fault";
        if (Trouble late = arena.wait_versions(2, kPatience_s); !late.empty()) return late;
        Trouble late = arena.wait_worker(newcomer, arena.audit().newest_version(), kPatience_s);
        if (!late.empty()) return late;
        arena.system().kill(newcomer);  // two workers are enough for the next time
        arena.system().forget(newcomer);
        return "";
    };
    return {"s3_" + name, 20, repeating(repeat), true};
}

}  // namespace

std::vector<Scenario> store_answers() {
    return {answering("500", "error_500=0.3"),
            answering("503", "busy_503=0.1&retry_after_s=1"),
            answering("429", "throttled_429=0.1&retry_after_s=1"),
            answering("slow", "slow=0.3&slow_bytes_per_s=100000"),
            answering("truncated", "truncated=0.2"),
            answering("reset", "reset=0.2"),
            answering("answer_lost", "lost_answer=0.2"),
            answering("stale_list", "stale_list=1&stale_s=5")};
}

}  // namespace dws
