// What a subscriber says of faults, each once, and the words for what is done about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/result.h"
#include "sync/road.h"

namespace dws {

class ToldFaults {
public:
    using Tell = std::function<void(const Error&, const std::string& next_action)>;

    explicit ToldFaults(Tell tell) : tell_(std::move(tell)) {}

    // object: the key it is about, or empty. Silent where the same fault of the same object led to
    // the same action before; the detail may differ from try to try.
    void tell_once(const Error& error, const std::string& object, const std::string& next_action);
    void tell(const Error& error, const std::string& next_action) const;
    void forget() { told_.clear(); }

private:
    const Tell tell_;
    std::set<std::tuple<Fault, std::string, std::string>> told_;  // fault, object, action
};

// held: the version that is kept meanwhile.
std::string trying_again(std::int64_t held);
std::string waiting_for(std::int64_t held, const std::string& object, bool has_ended);
std::string reading_again(std::int64_t held, const std::string& record, Fault fault);
// road: from an anchor to what is held; empty when none is known.
std::string reloading(std::int64_t held, const Road& road);
// road: taken instead of one that is broken; not empty.
std::string taking(const Road& road);

}  // namespace dws
