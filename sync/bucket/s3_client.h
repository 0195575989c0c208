// Requests to one bucket of an S3 store: addressed, signed, sent, and their refusals put into
// words. Each is sent once, but for one case: a store whose clock is another tells its time, and
// the request is signed again by that clock, as are all after it.
#pragma once

#include <atomic>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sync/bucket/credentials.h"
#include "sync/bucket/http_client.h"
#include "sync/bucket/store_place.h"

namespace dws {

struct S3Request {
    std::string method;
    std::string key;  // within the bucket's prefix; empty: the bucket itself
    std::vector<std::pair<std::string, std::string>> query;  // by name
    HttpHeaders headers;                                     // all are signed
    std::span<const std::byte> body;
    std::string body_sha256;  // empty: of no bytes
    HttpRoom room;
    std::size_t expected_bytes = 0;
    std::size_t most_text_bytes = 64u << 10;
};

class S3Client {
public:
    S3Client(StorePlace place, Credentials credentials, HttpOptions options, std::stop_token stop);

    // Safe to call from several threads. A GET follows where the store points to.
    HttpReply send(const S3Request& request);

    // What the reply means, in one clause: the call ("get run/log/0"), the host, status and code,
    // and what to do. No part of the credentials is in it.
    Error failure(std::string_view call, const HttpReply& reply) const;

    const StorePlace& place() const { return place_; }

private:
    HttpReply send_once(const S3Request& request);
    Fault refused() const;
    // True when the reply tells of another clock, by which the next request is signed.
    bool learns_clock(const HttpReply& reply);

    const StorePlace place_;
    const Credentials credentials_;
    std::atomic<double> ahead_s_{0};  // of the store's clock to ours
    std::atomic<bool> has_served_{false};
    HttpClient http_;
};

}  // namespace dws
