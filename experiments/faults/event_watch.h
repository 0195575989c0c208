// What the programs of a run say in their event logs, gathered by process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <set>
#include <string>

#include "experiments/launcher/event_tail.h"

namespace dws {

struct ProcessSeen {
    std::int64_t committed = -1;  // newest version that a worker committed
    std::int64_t rescanned = -1;  // newest version whose live memory has the record's digest
    std::int64_t rescans_failed = 0;
    std::int64_t rescans = 0;
    std::map<std::string, std::int64_t> resumes;  // of a trainer, by how: replay, rollback, words
    std::string rollback_reason;                  // of its last one
    std::int64_t end_version = -1;                // as its last event says
    std::string end_digest;                       // empty while it runs
    double told_unix_s = 0;                       // by its own clock, when it last said anything
    std::int64_t words_wrong = 0;  // how often a trainer found its words other than the log's
    std::int64_t faults = 0;
    std::string last_fault;
};

class EventWatch {
public:
    // output: run.output of the process; its events are in a folder in there.
    void watch(const std::string& process, const std::filesystem::path& output);
    void poll();

    const ProcessSeen& seen(const std::string& process) { return seen_[process]; }
    const std::map<std::string, ProcessSeen>& all() const { return seen_; }
    // What trainers told as committed: version -> digests.
    const std::map<std::int64_t, std::set<std::string>>& published() const { return published_; }

private:
    struct Watched {
        std::string process;
        EventTail tail;
    };

    std::list<Watched> watched_;
    std::map<std::string, ProcessSeen> seen_;
    std::map<std::int64_t, std::set<std::string>> published_;
};

}  // namespace dws
