// What the programs of a run told about each version on its way from publisher to worker, joined
// by version. Times are of one machine's clock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace dws {

// One version, from the moment its words were decided until the worker generates with them. The
// phases follow each other in this order and give total_ms together, but for gaps of a millisecond.
struct SyncTimes {
    std::int64_t version = -1;
    std::int64_t trainer_step = 0;
    std::int64_t steps = 0;    // optimizer steps it covers
    double changed_words = 0;  // as the record says
    double file_bytes = 0;     // as shipped
    double started_unix_s = 0;
    double committed_unix_s = 0;  // 0: not yet
    double encode_ms = 0;         // little where the optimizer's pass did it
    double upload_ms = 0;         // of the files, hashes included
    double notify_ms = 0;         // writing the record, the ring, reading the record
    double download_ms = 0;       // of the files, hashes checked
    double decode_ms = 0;
    double verify_ms = 0;  // the digest of what the version will be
    double wait_ms = 0;    // for the next token boundary
    double pause_ms = 0;   // generation stands still
    double total_ms = 0;
};

struct SyncPhase {
    const char* name;
    double SyncTimes::*ms;
    bool stops_generation;
};
inline constexpr SyncPhase kSyncPhases[] = {
    {"encode", &SyncTimes::encode_ms, false}, {"upload", &SyncTimes::upload_ms, false},
    {"notify", &SyncTimes::notify_ms, false}, {"download", &SyncTimes::download_ms, false},
    {"decode", &SyncTimes::decode_ms, false}, {"verify", &SyncTimes::verify_ms, false},
    {"wait", &SyncTimes::wait_ms, false},     {"pause", &SyncTimes::pause_ms, true}};

// A stretch in which versions were published one after another (is_busy) or none.
struct Stretch {
    bool is_busy = false;
    double from_unix_s = 0, to_unix_s = 0;
};

struct StepFacts {
    std::int64_t step = 0;
    double reward = 0;
    double trained_groups = 0;
    double trained_tokens = 0, forwarded_tokens = 0;
    double step_s = 0;
};

// How many tokens had been sampled when.
struct TokenCount {
    double time_unix_s = 0;
    double tokens = 0;
};

class RunStory {
public:
    // events: the folder where the programs of a run that has ended keep their `.jsonl` files.
    explicit RunStory(const std::filesystem::path& events);

    // Committed by the worker, ascending; the first anchor is not among them.
    std::vector<SyncTimes> syncs() const;
    const std::vector<StepFacts>& steps() const { return steps_; }
    std::int64_t digests_checked() const { return digests_checked_; }
    std::int64_t digests_failed() const { return digests_failed_; }
    double skipped_groups() const { return skipped_groups_; }
    double trained_groups() const;
    // Of the groups that were looked at: those in which every game earned the same. 1 when none
    // was.
    double zero_variance_share() const;
    // Sampled tokens per second within all stretches of the kind; 0 without any.
    double tokens_per_s(bool is_busy) const;

private:
    void see(const nlohmann::json& event);
    double tokens_at(double time_unix_s) const;

    std::map<std::int64_t, SyncTimes> syncs_;
    std::vector<StepFacts> steps_;
    std::vector<Stretch> stretches_;
    std::vector<TokenCount> tokens_;  // of one worker
    double skipped_groups_ = 0;
    std::int64_t digests_checked_ = 0, digests_failed_ = 0;
};

}  // namespace dws
