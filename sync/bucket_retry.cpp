#include "sync/bucket_retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "base/clock.h"

namespace dws {

namespace {

// A wait between half of wait_ms and all of it.
void sleep_with_jitter(double wait_ms) {
    std::random_device random;
    const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random);
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(share * wait_ms));
}

// call: () -> Result<T>. No wait goes past the deadline, so a call is late by its own length only.
template <class Call>
auto retried(const RetryPolicy& policy, const Call& call) -> decltype(call()) {
    const Stopwatch since_start;
    double wait_ms = policy.first_wait_ms;
    for (int tries = 1;; ++tries) {
        auto result = call();
        if (result || result.error().fault != Fault::transport) return result;
        if (since_start.ms() + wait_ms >= 1e3 * policy.deadline_s) {
            return Error{Fault::transport,
                         fmt::format("{} (tried {} times in {:.1f} s)", result.error().detail,
                                     tries, since_start.seconds())};
        }
        sleep_with_jitter(wait_ms);
        // At least 1 ms, so that a policy of zeros cannot spin until its deadline.
        wait_ms = std::max(1.0, std::min(2 * wait_ms, policy.longest_wait_ms));
    }
}

}  // namespace

Result<Done> BucketRetry::put(std::string_view key, std::span<const std::byte> object) {
    return retried(policy_, [&] { return bucket_->put(key, object); });
}

Result<PutOutcome> BucketRetry::put_if_absent(std::string_view key,
                                              std::span<const std::byte> object) {
    return retried(policy_, [&] { return bucket_->put_if_absent(key, object); });
}

Result<Bytes> BucketRetry::get(std::string_view key, ByteRange range) {
    return retried(policy_, [&] { return bucket_->get(key, range); });
}

Result<std::vector<std::string>> BucketRetry::list(std::string_view prefix, Listing what) {
    return retried(policy_, [&] { return bucket_->list(prefix, what); });
}

Result<Done> BucketRetry::remove(std::string_view key) {
    return retried(policy_, [&] { return bucket_->remove(key); });
}

}  // namespace dws
