// s3_fault_proxy: a misbehaving store, or a stand-in for the Hugging Face Hub's gateway, in front
// of an S3 server.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "base/stop_signal.h"
#include "experiments/fault_proxy/fault_proxy.h"
#include "experiments/fault_proxy/hub_stand_in.h"

namespace {

struct Options {
    std::string store, listen = "127.0.0.1:0", control = "127.0.0.1:0", faults, hub;
    std::uint64_t seed = 0;
};

void wait_for_stop(std::stop_token stop) {
    while (!dws::sleep_or_stop(3600, stop)) continue;
}

void misbehave(const Options& options, std::stop_token stop) {
    dws::Result<dws::FaultPlan> plan = dws::parse_fault_plan(options.faults);
    if (!plan) throw std::runtime_error("--faults: " + plan.error().detail);
    const dws::HostPort listen = dws::host_port(options.listen);
    dws::FaultProxy proxy(listen, dws::host_port(options.store), options.seed);
    proxy.dice().set(std::move(*plan));
    const dws::HostPort control = dws::host_port(options.control);
    const dws::ProxyControl steering(control, proxy.dice());
    fmt::print("store http://{}:{}\ncontrol http://{}:{}\n", listen.host, proxy.port(),
               control.host, steering.port());
    std::fflush(stdout);
    wait_for_stop(stop);
    for (const auto& [fault, count] : proxy.dice().counts())
        fmt::print("{} {}\n", dws::name_of(fault), count);
}

void stand_in(const Options& options, std::stop_token stop) {
    const std::optional<dws::Credentials> credentials =
        dws::find_credentials(dws::process_environment());
    if (!credentials) throw std::runtime_error("--hub: no AWS_ACCESS_KEY_ID in the environment");
    const dws::HubStandIn hub(dws::host_port(options.listen),
                              {.name_space = options.hub,
                               .store = dws::host_port(options.store),
                               .credentials = *credentials});
    fmt::print("hub {}\n", hub.endpoint());
    std::fflush(stdout);
    wait_for_stop(stop);
    fmt::print("leaks {}\n", hub.leaks());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"A misbehaving S3 store, for tests: a reverse proxy in front of a real one."};
    Options options;
    app.add_option("--store", options.store, "the S3 server: 127.0.0.1:7480")->required();
    app.add_option("--listen", options.listen, "where clients come; port 0: a free one");
    app.add_option("--control", options.control, "where PUT /faults?PLAN and GET /counts come");
    app.add_option("--faults", options.faults,
                   "shares of the requests: busy_503=0.1&slow=0.05&only=/log/; of error_500, "
                   "busy_503, throttled_429, slow, truncated, reset, stale_list, lost_answer");
    app.add_option("--seed", options.seed, "of the faults");
    app.add_option("--hub", options.hub,
                   "play the Hugging Face gateway for this namespace instead; keys: AWS_*");
    CLI11_PARSE(app, argc, argv);
    try {
        dws::StopSignal stop;
        options.hub.empty() ? misbehave(options, stop.token()) : stand_in(options, stop.token());
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "s3_fault_proxy: {}\n", error.what());
        return 1;
    }
}
