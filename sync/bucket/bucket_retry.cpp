#include "sync/bucket/bucket_retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/stop_signal.h"

namespace dws {

namespace {

double random_share() {
    std::random_device random;
    return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

bool Retries::wait_for_next_try(const Error& last) {
    tries_ += 1;
    // At least 1 ms, so that a policy of zeros cannot spin until its deadline.
    const double longest_ms = std::max(1.0, wait_ms_);
    const double wait_ms = 1e3 * last.retry_after_s + random_share() * longest_ms;
    wait_ms_ = std::min(2 * longest_ms, policy_.longest_wait_ms);
    if (since_start_.ms() + wait_ms >= 1e3 * policy_.deadline_s) return false;
    return !sleep_or_stop(1e-3 * wait_ms, stop_);
}

Error Retries::given_up(const Error& last) const {
    return Error{
        Fault::transport,
        fmt::format("{} (tried {} times in {:.1f} s{})", last.detail, tries_,
                    since_start_.seconds(), stop_.stop_requested() ? ", then stopped" : ""),
        last.retry_after_s};
}

Result<Done> BucketRetry::put(std::string_view key, std::span<const std::byte> object) {
    return retries().until_answered([&] { return bucket_->put(key, object); });
}

Result<PutOutcome> BucketRetry::put_if_absent(std::string_view key,
                                              std::span<const std::byte> object) {
    return retries().until_answered([&] { return bucket_->put_if_absent(key, object); });
}

Result<Bytes> BucketRetry::get(std::string_view key, ByteRange range) {
    return retries().until_answered([&] { return bucket_->get(key, range); });
}

Result<std::vector<std::string>> BucketRetry::list(std::string_view prefix, Listing what) {
    return retries().until_answered([&] { return bucket_->list(prefix, what); });
}

Result<Done> BucketRetry::remove(std::string_view key) {
    return retries().until_answered([&] { return bucket_->remove(key); });
}

}  // namespace dws
