// The one place where a call to the store is made again. Only Fault::transport is: every other
// answer is an answer. The waits double, with jitter so that many clients of one store that came
// back do not return in step, until the deadline. Once stop is requested a call is made once.
//
// A put_if_absent whose answer was lost is sent again like the rest; it may then meet its own
// object and report `existed`. The log's nonce tells whose object it is (sync/chain.h).
#pragma once

#include <memory>
#include <stop_token>

#include "sync/bucket/bucket.h"

namespace dws {

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
    const std::unique_ptr<Bucket> bucket_;
    const RetryPolicy policy_;
    const std::stop_token stop_;
};

}  // namespace dws
