// One run under attack: its processes, the log read beside them, and the checks after every
// repetition of a scenario.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "experiments/fault_proxy/fault_proxy.h"
#include "experiments/faults/audit.h"
#include "experiments/faults/dice.h"
#include "experiments/faults/run_system.h"
#include "experiments/faults/s3_server.h"
#include "experiments/faults/tally.h"
#include "sync/bucket/bucket.h"

namespace dws {

// What a scenario's arena is made of.
struct ArenaPlan {
    SystemPlan system;           // `bucket` is filled in
    std::string store;           // the bucket's address as the audit uses it
    S3Server* server = nullptr;  // null: the bucket is a folder
    bool has_proxy = false;      // the processes reach the server through a FaultProxy
    std::string server_address = "127.0.0.1";      // of a server of its own
    std::vector<std::string> in_front_of_workers;  // words before the commands of workers and env
};

// Words that say why a repetition has not recovered; empty: it has.
using Trouble = std::string;

class Arena {
public:
    Arena(ArenaPlan plan, std::stop_token stop);

    // Doorbell, environment, a trainer named "trainer" and two workers; the first versions are
    // there.
    Trouble begin();
    // After a repetition: the log, the games, every living worker's weights, and `dws verify`.
    Trouble check(Tally& tally);
    // After the last one: the workers end by themselves, and say what they hold; what was trained
    // is read once more.
    Trouble finish(Tally& tally);

    // Waits until that many more versions are in the log than now.
    Trouble wait_versions(std::int64_t more, double timeout_s = 20);
    // Waits until a worker's live memory was found to hold `version` or a later one.
    Trouble wait_worker(const std::string& worker, std::int64_t version, double timeout_s = 20);
    // Waits until a process has ended by itself.
    Trouble wait_end(const std::string& process, double timeout_s = 20);
    Trouble wait_until(const std::function<bool()>& condition, const std::string& what,
                       double timeout_s);
    void pause(double seconds) const;

    std::string trainer = "trainer";  // who writes now

    RunSystem& system() { return system_; }
    Audit& audit() { return audit_; }
    Bucket& store() { return *store_; }
    FaultProxy* proxy() { return proxy_.get(); }
    const ArenaPlan& plan() const { return plan_; }
    bool verifies();                                  // `dws verify` finds no problem
    std::string verdict() const { return verdict_; }  // what it printed last

private:
    static std::string bucket_of(const ArenaPlan& plan, FaultProxy* proxy);
    Trouble read_log();
    Trouble find_the_dead();

    const ArenaPlan plan_;
    const std::stop_token stop_;
    std::unique_ptr<Bucket> store_;
    Audit audit_;
    std::unique_ptr<FaultProxy> proxy_;
    RunSystem system_;
    std::string verdict_;
};

}  // namespace dws
