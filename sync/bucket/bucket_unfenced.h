// A bucket whose store ignores or refuses "only if absent": whether an object is there is looked up
// before it is written. With one writer that is as good; two of them at once are not told apart,
// and the later one replaces what the earlier one wrote. Chosen by bucket.unfenced, never found
// out.
#pragma once

#include <memory>

#include "sync/bucket/bucket.h"

namespace dws {

class BucketUnfenced : public Bucket {
public:
    explicit BucketUnfenced(std::unique_ptr<Bucket> bucket) : bucket_(std::move(bucket)) {}

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        return bucket_->put(key, object);
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override;
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        return bucket_->get(key, range);
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        return bucket_->list(prefix, what);
    }
    Result<Done> remove(std::string_view key) override { return bucket_->remove(key); }

private:
    const std::unique_ptr<Bucket> bucket_;
};

}  // namespace dws
