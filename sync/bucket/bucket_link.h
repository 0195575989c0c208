// A bucket behind a slow line: every call waits as long as the line's latency and its bandwidth
// make it. The line is not shared: two calls at once have its bandwidth each, as two connections
// to a distant store mostly do. Once stop is requested no call waits any more.
#pragma once

#include <memory>
#include <stop_token>

#include "sync/bucket/bucket.h"

namespace dws {

class BucketLink : public Bucket {
public:
    BucketLink(std::unique_ptr<Bucket> bucket, LinkShape shape, std::stop_token stop = {})
        : bucket_(std::move(bucket)), shape_(shape), stop_(std::move(stop)) {}

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override;
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override;
    Result<Bytes> get(std::string_view key, ByteRange range) override;
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override;
    Result<Done> remove(std::string_view key) override;

private:
    void wait_for(std::size_t payload_bytes, double more_ms = 0) const;

    const std::unique_ptr<Bucket> bucket_;
    const LinkShape shape_;
    const std::stop_token stop_;
};

}  // namespace dws
