#include <fmt/format.h>

#include "sync/tool/output.h"
#include "sync/tool/verbs.h"

namespace dws {

int run_doorbell(const DoorbellOptions& options, std::stop_token stop) {
    DoorbellBroker broker(options.inside, options.outside, options.faults);
    print_line(fmt::format("doorbell | inside {} | outside {}", broker.inside_endpoint(),
                           broker.outside_endpoint()));
    broker.run(stop);
    const DoorbellBroker::Counts& counts = broker.counts();
    print_line(fmt::format("doorbell | heard {} | dropped {} | repeated {} | sent {}", counts.heard,
                           counts.dropped, counts.repeated, counts.sent));
    return kExitOk;
}

}  // namespace dws
