// The one place where a call to the store is made again. Only Fault::transport is: every other
// answer is an answer. The longest wait doubles from try to try and the real one is drawn between
// nothing and it, so that many clients of one store that came back do not return in step; a store
// that asks to be left alone for a time (Retry-After) is left alone at least so long. When the
// next try would come after the deadline, there is none. Once stop is requested a call is made
// once.
//
// A put_if_absent whose answer was lost is sent again like the rest; it may then meet its own
// object and report `existed`. The log's nonce tells whose object it is (sync/chain.h).
#pragma once

#include <algorithm>
#include <memory>
#include <stop_token>

#include "base/clock.h"
#include "sync/bucket/bucket.h"

namespace dws {

// For those who call again when the tries of a call are spent: a store that asked for more time
// than a call has gets it, up to five minutes (the window of Hugging Face's rate limits).
inline double wait_after_s(const Error& error, double usual_s) {
    constexpr double kLongest_s = 300;
    return std::max(usual_s, std::min(error.retry_after_s, kLongest_s));
}

// The tries of one call. Its deadline counts from the making of this; several threads may each
// make a part of the call, with a copy of their own.
class Retries {
public:
    Retries(const RetryPolicy& policy, std::stop_token stop)
        : policy_(policy), stop_(std::move(stop)), wait_ms_(policy.first_wait_ms) {}

    // call: () -> Result<T>, made until it answers or the time is up.
    template <class Call>
    auto until_answered(const Call& call) -> decltype(call()) {
        for (;;) {
            auto result = call();
            if (result || result.error().fault != Fault::transport) return result;
            if (!wait_for_next_try(result.error())) return given_up(result.error());
        }
    }

private:
    // False when there is no next try: it would be too late, or stop was requested.
    bool wait_for_next_try(const Error& last);
    Error given_up(const Error& last) const;

    const RetryPolicy policy_;
    const std::stop_token stop_;
    const Stopwatch since_start_;
    double wait_ms_;
    int tries_ = 0;
};

class BucketRetry : public Bucket {
public:
    BucketRetry(std::unique_ptr<Bucket> bucket, RetryPolicy policy, std::stop_token stop = {})
        : bucket_(std::move(bucket)), policy_(policy), stop_(std::move(stop)) {}

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override;
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override;
    Result<Bytes> get(std::string_view key, ByteRange range) override;
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override;
    Result<Done> remove(std::string_view key) override;

private:
    Retries retries() const { return {policy_, stop_}; }

    const std::unique_ptr<Bucket> bucket_;
    const RetryPolicy policy_;
    const std::stop_token stop_;
};

}  // namespace dws
