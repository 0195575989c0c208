// The store behind a proxy: requests out, responses in, over connections that are kept.
#pragma once

#include <mutex>
#include <stop_token>
#include <vector>

#include "experiments/fault_proxy/connection.h"
#include "experiments/fault_proxy/wire_message.h"

namespace dws {

// Safe to call from several threads.
class Upstream {
public:
    explicit Upstream(HostPort at) : at_(std::move(at)) {}

    // Fault::transport when the store is not there or ends the connection.
    Result<WireResponse> send(const WireRequest& request, std::stop_token stop);
    const HostPort& at() const { return at_; }

private:
    Result<Connection> connection(std::stop_token stop);

    const HostPort at_;
    std::mutex mutex_;
    std::vector<Connection> idle_;  // guarded by mutex_
};

}  // namespace dws
