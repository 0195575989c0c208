// What came of a scenario's repetitions: a row of the table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace dws {

struct Tally {
    std::int64_t repetitions = 0;
    std::int64_t recovered = 0;         // new versions came, and every worker holds one of them
    std::int64_t lost_versions = 0;     // told as committed, and not in the log
    std::int64_t lost_games = 0;        // groups that were in the bucket undecided, and are gone
    std::int64_t digests_differ = 0;    // a worker's live weights, or a record's rebuilt version
    std::int64_t versions_twice = 0;    // one number, two contents
    std::int64_t games_twice = 0;       // groups with the same games as another, trained as well
    std::int64_t chains_broken = 0;     // `dws verify` finds a problem after the repetition
    std::int64_t versions = 0;          // committed in all rounds
    std::int64_t digests_compared = 0;  // live weights of workers against records
    std::int64_t replays = 0;           // trainers that came back by repeating their steps exactly
    std::int64_t rollbacks = 0;         // ... by going back to their checkpoint
    std::int64_t from_words = 0;        // ... from the published words: no checkpoint of the run
    double seconds = 0;

    void add(const Tally& more);
    bool is_clean() const;  // all recovered, all other counts of damage 0
};

// Safe to call from several threads.
class TallyTable {
public:
    void add(const std::string& scenario, const Tally& more);
    void skip(const std::string& scenario, const std::string& why);
    void explain(const std::string& line);  // of a repetition that was not clean

    // Rows in the order of `scenarios`; tab-separated, with the note as a comment on top.
    void write(const std::filesystem::path& file, const std::string& note,
               const std::vector<std::string>& scenarios) const;
    // The same for people, and what was skipped or not clean.
    std::string text(const std::vector<std::string>& scenarios) const;
    bool is_clean() const;
    bool is_empty() const;  // nothing was tried: all was skipped

private:
    mutable std::mutex mutex_;
    std::map<std::string, Tally> rows_;           // guarded by mutex_
    std::map<std::string, std::string> skipped_;  // guarded by mutex_
    std::vector<std::string> explanations_;       // guarded by mutex_
};

}  // namespace dws
