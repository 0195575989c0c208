// A bucket that counts how often it is asked for something.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "sync/bucket/bucket.h"

namespace dws {

class CountingBucket : public Bucket {
public:
    explicit CountingBucket(std::unique_ptr<Bucket> bucket) : bucket_(std::move(bucket)) {}

    std::uint64_t gets() const { return gets_; }  // of what is there and what is not
    std::uint64_t lists() const { return lists_; }

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        return bucket_->put(key, object);
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        return bucket_->put_if_absent(key, object);
    }
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        gets_ += 1;
        return bucket_->get(key, range);
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        lists_ += 1;
        return bucket_->list(prefix, what);
    }
    Result<Done> remove(std::string_view key) override { return bucket_->remove(key); }

private:
    const std::unique_ptr<Bucket> bucket_;
    std::atomic<std::uint64_t> gets_ = 0, lists_ = 0;
};

}  // namespace dws
