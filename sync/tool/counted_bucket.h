// A bucket whose replies move a bar: for library calls that have none of their own.
#pragma once

#include "sync/bucket/bucket.h"
#include "sync/tool/progress.h"

namespace dws {

class CountedBucket : public Bucket {
public:
    // Neither is owned; both outlive this.
    CountedBucket(Bucket& bucket, Progress& progress) : bucket_(bucket), progress_(progress) {}

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        return bucket_.put(key, object);
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        return bucket_.put_if_absent(key, object);
    }
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        Result<Bytes> bytes = bucket_.get(key, range);
        if (bytes) progress_.add(bytes->size());
        return bytes;
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        return bucket_.list(prefix, what);
    }
    Result<Done> remove(std::string_view key) override { return bucket_.remove(key); }

private:
    Bucket& bucket_;
    Progress& progress_;
};

}  // namespace dws
