#include <fmt/format.h>

#include <cstdint>

#include "base/event_log.h"
#include "sync/tool/verbs.h"

namespace dws {

int run_doorbell(const DoorbellOptions& options, std::stop_token stop) {
    EventLog log("dws", options.events);
    DoorbellBroker broker(options.inside, options.outside, options.faults);
    log.write("listening",
              fmt::format("doorbell | inside {} | outside {}", broker.inside_endpoint(),
                          broker.outside_endpoint()),
              {{"inside", broker.inside_endpoint()}, {"outside", broker.outside_endpoint()}});
    broker.run(stop);
    const DoorbellBroker::Counts& counts = broker.counts();
    const auto as_fact = [](auto count) { return static_cast<std::int64_t>(count); };
    log.write("end",
              fmt::format("doorbell | heard {} | dropped {} | repeated {} | sent {}", counts.heard,
                          counts.dropped, counts.repeated, counts.sent),
              {{"heard", as_fact(counts.heard)},
               {"dropped", as_fact(counts.dropped)},
               {"repeated", as_fact(counts.repeated)},
               {"sent", as_fact(counts.sent)}});
    return kExitOk;
}

}  // namespace dws
