#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>

#include "base/event_log.h"
#include "sync/doorbell.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    std::string inside;   // where ringers connect
    std::string outside;  // where listeners connect
    DoorbellFaults faults;
    std::string events;  // the file of its event log; empty: none
};

int run(const Options& options, std::stop_token stop) {
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

}  // namespace

Verb add_doorbell(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand(
        "doorbell", "Pass rings on from those who publish to those who listen, until stopped");
    verb->add_option("--inside", options->inside, "Where ringers connect: tcp://host:port");
    verb->add_option("--outside", options->outside, "Where listeners connect: tcp://host:port");
    verb->add_option("--events", options->events, "Append its events to this file, as JSON lines")
        ->type_name("FILE");
    verb->add_option("--drop", options->faults.drop, "Share of rings lost on purpose, 0 to 1")
        ->check(CLI::Range(0.0, 1.0));
    verb->add_option("--repeat", options->faults.repeat, "Share of rings sent twice, 0 to 1")
        ->check(CLI::Range(0.0, 1.0));
    verb->add_option("--delay-ms", options->faults.delay_ms,
                     "Each ring waits a random time up to this, so order is lost")
        ->check(CLI::Range(0.0, 3'600'000.0));
    verb->add_option("--seed", options->faults.seed,
                     "Of the faults: the same seed, the same faults");
    return {verb,
            {{&options->inside, "--inside", "doorbell.inside"},
             {&options->outside, "--outside", "doorbell.outside"}},
            [options](std::stop_token stop) { return run(*options, stop); }};
}

}  // namespace dws
