// A store that misbehaves: a reverse proxy in front of an S3 server. Requests pass as they are,
// with the Host that the client signed.
#pragma once

#include <cstdint>

#include "experiments/fault_proxy/fault_plan.h"
#include "experiments/fault_proxy/http_server.h"
#include "experiments/fault_proxy/put_times.h"
#include "experiments/fault_proxy/upstream.h"

namespace dws {

class FaultProxy {
public:
    // Throws std::runtime_error when `at` is taken.
    FaultProxy(const HostPort& at, const HostPort& store, std::uint64_t seed)
        : upstream_(store), dice_(seed), server_(at, [this](WireRequest request, auto stop) {
              return answer(std::move(request), stop);
          }) {}

    int port() const { return server_.port(); }
    FaultDice& dice() { return dice_; }

private:
    Reply answer(WireRequest request, std::stop_token stop);

    Upstream upstream_;
    PutTimes put_times_;
    FaultDice dice_;
    HttpServer server_;  // last member: its threads use the others
};

// A second port for whoever steers a proxy: PUT /faults?PLAN, GET /counts.
class ProxyControl {
public:
    // Throws std::runtime_error when `at` is taken.
    ProxyControl(const HostPort& at, FaultDice& dice)
        : server_(at, [&dice](WireRequest request, auto) { return answer(request, dice); }) {}

    int port() const { return server_.port(); }

private:
    static Reply answer(const WireRequest& request, FaultDice& dice);

    HttpServer server_;
};

}  // namespace dws
