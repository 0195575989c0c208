// Which requests meet which fault of a store, drawn from a seed.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dws {

enum class StoreFault {
    none,
    error_500,      // answered without asking the store
    busy_503,       // so too, with Retry-After
    throttled_429,  // so too
    slow,           // the body comes, and a PUT goes, at slow_bytes_per_s
    truncated,      // half of the body, then the connection ends
    reset,          // half of the body, then a TCP reset
    stale_list,     // a listing without what was put in the last stale_s
    lost_answer,    // the store does it, and the client is never told
};

// The enumerator's own name.
std::string_view name_of(StoreFault fault);
std::optional<StoreFault> store_fault_named(std::string_view name);

struct FaultPlan {
    std::map<StoreFault, double> shares;  // of the requests; at most 1 in all
    std::string only;                     // requests whose path or query holds this; empty: all
    double slow_bytes_per_s = 200'000;
    double stale_s = 5;
    double retry_after_s = 1;  // whole seconds
};

// "busy_503=0.1&slow=0.05&slow_bytes_per_s=50000&only=/log/". Fault::corrupt names what is none.
Result<FaultPlan> parse_fault_plan(std::string_view text);

// Safe to call from several threads. One seed and one order of requests give one row of faults.
class FaultDice {
public:
    explicit FaultDice(std::uint64_t seed) : random_(seed) {}

    void set(FaultPlan plan);
    FaultPlan plan() const;
    // target: path, '?' and query. is_listing: only these can be stale.
    StoreFault draw(std::string_view target, bool is_listing);
    std::map<StoreFault, std::int64_t> counts() const;  // drawn so far, `none` included
    std::int64_t drawn() const;                         // the sum of these

private:
    mutable std::mutex mutex_;
    std::mt19937_64 random_;                     // guarded by mutex_
    FaultPlan plan_;                             // guarded by mutex_
    std::map<StoreFault, std::int64_t> counts_;  // guarded by mutex_
};

}  // namespace dws
