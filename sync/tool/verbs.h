// The verbs of the `dws` command. Each returns the exit status: 0 ok, 1 a problem was found or the
// verb failed. They print on standard output; main() turns what they throw into one line.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "sync/doorbell.h"

namespace dws {

inline constexpr int kExitOk = 0;
inline constexpr int kExitProblem = 1;
inline constexpr int kExitUsage = 2;

struct DoorbellOptions {
    std::string inside;   // where ringers connect
    std::string outside;  // where listeners connect
    DoorbellFaults faults;
    std::string events;  // the file of its event log; empty: none
};
int run_doorbell(const DoorbellOptions& options, std::stop_token stop);

struct LogOptions {
    std::string bucket;
    std::string run;
    bool is_json = false;    // one JSON object per line
    bool is_follow = false;  // wait for more records until stopped
    std::chrono::milliseconds poll{1000};
};
int run_log(const LogOptions& options, std::stop_token stop);

struct VerifyOptions {
    std::string bucket;
    std::string run;
    bool is_json = false;
};
int run_verify(const VerifyOptions& options, std::stop_token stop);

}  // namespace dws
