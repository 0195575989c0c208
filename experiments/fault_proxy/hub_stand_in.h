// A stand-in for the S3 gateway of the Hugging Face Hub, in front of an ordinary S3 server: what
// its documentation says it does differently, for tests without an account. It is not the gateway:
// what the documentation leaves open is here as the store behind it has it.
//
//   - the endpoint has a path, /NAMESPACE, and requests are signed with that path
//   - GET of an object answers 302 to another host (here: a second port), which refuses a request
//     with Authorization or x-amz-* headers
//   - x-amz-meta-* is dropped; conditions on GET are ignored; only ListObjectsV2, delimiter '/'
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "experiments/fault_proxy/http_server.h"
#include "experiments/fault_proxy/upstream.h"
#include "sync/bucket/credentials.h"

namespace dws {

struct HubOptions {
    std::string name_space;
    HostPort store;
    Credentials credentials;  // the client's, and the store's
    std::string region = "us-east-1";
};

class HubStandIn {
public:
    // address: of both ports. port 0: free ones. Throws std::runtime_error when one is taken.
    HubStandIn(const HostPort& at, HubOptions options);

    std::string endpoint() const;  // "http://127.0.0.1:1234/NAMESPACE"
    int port() const { return gateway_.port(); }
    // Requests that came to the second port with what must not leave the first.
    std::int64_t leaks() const { return leaks_; }

private:
    Reply answer(WireRequest request, std::stop_token stop);
    Reply edge_answer(WireRequest request, std::stop_token stop);
    std::string edge_token(const std::string& path) const;
    // To the store, signed anew. The error is a lost reply.
    Result<WireResponse> forward(const WireRequest& request, std::stop_token stop);

    const HubOptions options_;
    const std::string host_;
    const std::string edge_secret_;
    Upstream upstream_;
    std::atomic<std::int64_t> leaks_ = 0;
    HttpServer edge_;
    HttpServer gateway_;  // last member: its threads use the others
};

}  // namespace dws
