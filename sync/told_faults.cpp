#include "sync/told_faults.h"

#include <fmt/format.h>

namespace dws {
namespace {

constexpr std::size_t kMaxTold = 256;  // remembered; beyond that all may be told again

}  // namespace

void ToldFaults::tell_once(const Error& error, const std::string& object,
                           const std::string& next_action) {
    if (told_.size() >= kMaxTold) told_.clear();
    if (told_.emplace(error.fault, object, next_action).second) tell(error, next_action);
}

void ToldFaults::tell(const Error& error, const std::string& next_action) const {
    if (tell_) tell_(error, next_action);
}

std::string trying_again(std::int64_t held) {
    return fmt::format("keeping version {}, trying again", held);
}

std::string waiting_for(std::int64_t held, const std::string& object, bool has_ended) {
    return fmt::format(
        "keeping version {}, waiting for the object {}{}: the operator restores it "
        "from a copy",
        held, object,
        has_ended ? " (the run has ended, no later anchor will come)" : " or a later anchor");
}

std::string reading_again(std::int64_t held, const std::string& record, Fault fault) {
    const std::string again = fmt::format("keeping version {}, reading the log again", held);
    if (fault == Fault::transport) return again;
    return fmt::format("{}: nothing from {} on is seen until the operator restores it from a copy",
                       again, record);
}

std::string reloading(std::int64_t held, const Road& road) {
    if (road.empty()) return fmt::format("keeping version {}, waiting for an anchor", held);
    return fmt::format("reloading anchor {} and what follows up to version {}",
                       road.front()->version, held);
}

std::string taking(const Road& road) {
    const Record& first = *road.front();
    if (first.kind == RecordKind::anchor) return fmt::format("reloading anchor {}", first.version);
    return fmt::format("going on from version {} to {}", first.base_version, first.version);
}

}  // namespace dws
