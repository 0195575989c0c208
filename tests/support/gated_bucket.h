// A bucket whose uplink can be held: while the gate is closed no put of an object goes on. Log
// records and everything read pass. Whoever closes the gate opens it before the bucket goes away.
#pragma once

#include <condition_variable>
#include <mutex>

#include "tests/support/faulty_bucket.h"

namespace dws {

class GatedBucket final : public FaultyBucket {
public:
    void close_gate() { set_closed(true); }
    void open_gate() { set_closed(false); }
    // Puts that stand before the gate.
    std::size_t waiting() {
        std::scoped_lock lock(mutex_);
        return waiting_;
    }

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        {
            std::unique_lock lock(mutex_);
            ++waiting_;
            opened_.wait(lock, [&] { return !is_closed_; });
            --waiting_;
        }
        return FaultyBucket::put(key, object);
    }

private:
    void set_closed(bool is_closed) {
        std::scoped_lock lock(mutex_);
        is_closed_ = is_closed;
        opened_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable opened_;
    bool is_closed_ = false;   // guarded by mutex_
    std::size_t waiting_ = 0;  // guarded by mutex_
};

}  // namespace dws
