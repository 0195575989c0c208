// A bucket that takes everything and keeps nothing: it counts.
#pragma once

#include <atomic>
#include <cstdint>

#include "sync/bucket/bucket.h"

namespace dws {

class NullBucket : public Bucket {
public:
    Result<Done> put(std::string_view, std::span<const std::byte> object) override {
        count(object);
        return Done{};
    }
    Result<PutOutcome> put_if_absent(std::string_view, std::span<const std::byte> object) override {
        count(object);
        return PutOutcome::created;
    }
    Result<Bytes> get(std::string_view key, ByteRange) override {
        return Error{Fault::missing, std::string(key) + ": nothing is kept"};
    }
    Result<std::vector<std::string>> list(std::string_view, Listing) override {
        return std::vector<std::string>{};
    }
    Result<Done> remove(std::string_view) override { return Done{}; }

    std::uint64_t objects() const { return objects_; }
    std::uint64_t bytes() const { return bytes_; }

private:
    void count(std::span<const std::byte> object) {
        objects_ += 1;
        bytes_ += object.size();
    }

    std::atomic<std::uint64_t> objects_ = 0;
    std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace dws
