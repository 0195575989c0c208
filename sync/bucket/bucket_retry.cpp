#include "sync/bucket/bucket_retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/clock.h"
#include "base/stop_signal.h"

namespace dws {

namespace {

// A wait between half of wait_ms and all of it. True when stop was requested.
bool sleep_with_jitter(double wait_ms, const std::stop_token& stop) {
    std::random_device random;
    const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random);
    return sleep_or_stop(1e-3 * share * wait_ms, stop);
}

Error given_up(const Error& last, int tries, const Stopwatch& since_start, const char* why) {
    return Error{Fault::transport, fmt::format("{} (tried {} times in {:.1f} s{})", last.detail,
                                               tries, since_start.seconds(), why)};
}

// call: () -> Result<T>. No wait goes past the deadline, so a call is late by its own length only.
template <class Call>
auto retried(const RetryPolicy& policy, const std::stop_token& stop, const Call& call)
    -> decltype(call()) {
    const Stopwatch since_start;
    double wait_ms = policy.first_wait_ms;
    for (int tries = 1;; ++tries) {
        auto result = call();
        if (result || result.error().fault != Fault::transport) return result;
        if (since_start.ms() + wait_ms >= 1e3 * policy.deadline_s)
            return given_up(result.error(), tries, since_start, "");
        if (sleep_with_jitter(wait_ms, stop))
            return given_up(result.error(), tries, since_start, ", then stopped");
        // At least 1 ms, so that a policy of zeros cannot spin until its deadline.
        wait_ms = std::max(1.0, std::min(2 * wait_ms, policy.longest_wait_ms));
    }
}

}  // namespace

Result<Done> BucketRetry::put(std::string_view key, std::span<const std::byte> object) {
    return retried(policy_, stop_, [&] { return bucket_->put(key, object); });
}

Result<PutOutcome> BucketRetry::put_if_absent(std::string_view key,
                                              std::span<const std::byte> object) {
    return retried(policy_, stop_, [&] { return bucket_->put_if_absent(key, object); });
}

Result<Bytes> BucketRetry::get(std::string_view key, ByteRange range) {
    return retried(policy_, stop_, [&] { return bucket_->get(key, range); });
}

Result<std::vector<std::string>> BucketRetry::list(std::string_view prefix, Listing what) {
    return retried(policy_, stop_, [&] { return bucket_->list(prefix, what); });
}

Result<Done> BucketRetry::remove(std::string_view key) {
    return retried(policy_, stop_, [&] { return bucket_->remove(key); });
}

}  // namespace dws
