// version_replay: stands where the trainer stands, and publishes the versions of a run that was
// recorded before. launch_loop starts it with --trainer version_replay.
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/stop_signal.h"
#include "configs/command_line.h"
#include "experiments/qwen3_sync/replay.h"

namespace dws {
namespace {

struct ReplayTexts {
    std::string from, from_run;
    std::string versions = "8", rounds = "1", quiet_s = "0", busy_s = "3600", every_s = "0",
                syncs = "1000000";
    bool is_dense = false;
};

double number(const std::string& name, const std::string& text) {
    std::size_t used = 0;
    try {
        const double value = std::stod(text, &used);
        if (used == text.size() && value >= 0 && value < 1e9) return value;
    } catch (const std::exception&) {  // not a number: said below
    }
    throw std::runtime_error(name + ": expected a number, got '" + text + "'");
}

std::int64_t count(const std::string& name, const std::string& text) {
    return static_cast<std::int64_t>(number(name, text));
}

ReplayPlan plan_of(const ReplayTexts& texts) {
    return {.rounds = count("--rounds", texts.rounds),
            .quiet_s = number("--quiet-s", texts.quiet_s),
            .busy_s = number("--busy-s", texts.busy_s),
            .every_s = number("--every-s", texts.every_s),
            .syncs = count("--syncs", texts.syncs),
            .is_dense = texts.is_dense};
}

int replay(const Config& config, const ReplayTexts& texts) {
    StopSignal stop;
    const std::filesystem::path events = std::filesystem::path(config.run.output) / "events";
    EventLog log("version_replay", events / "version_replay.jsonl");
    RecordedRun recorded(texts.from, texts.from_run);
    VersionTape tape(recorded, static_cast<std::size_t>(count("--versions", texts.versions)));
    const std::unique_ptr<Bucket> bucket = open_bucket(config.bucket, stop.token());
    WorkerWatch worker(events);
    Replay(config, recorded.table(), tape, *bucket, worker, log).play(plan_of(texts), stop.token());
    return 0;
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    dws::ReplayTexts texts;
    return dws::run_main(
        argc, argv, "Publishes a recorded run's versions again, while workers generate.",
        {{.name = "--from", .help = "the bucket of the recorded run", .value = &texts.from},
         {.name = "--from-run", .help = "the recorded run", .value = &texts.from_run},
         {.name = "--versions", .help = "its last so many, to and fro", .value = &texts.versions},
         {.name = "--rounds", .help = "of quiet and busy", .value = &texts.rounds},
         {.name = "--quiet-s", .help = "nothing is published", .value = &texts.quiet_s},
         {.name = "--busy-s", .help = "one version after another", .value = &texts.busy_s},
         {.name = "--every-s", .help = "between two of them", .value = &texts.every_s},
         {.name = "--syncs", .help = "at most, in a round", .value = &texts.syncs},
         {.name = "--dense", .help = "every version whole", .is_set = &texts.is_dense}},
        [&](const dws::Config& config) { return dws::replay(config, texts); });
}
