#include "sync/bucket/bucket_link.h"

#include "base/stop_signal.h"

namespace dws {

void BucketLink::wait_for(std::size_t payload_bytes, double more_ms) const {
    double wait_ms = shape_.latency_ms + more_ms;
    if (shape_.megabit_per_s > 0) {
        wait_ms += static_cast<double>(payload_bytes) * 8e-3 / shape_.megabit_per_s;
    }
    sleep_or_stop(1e-3 * wait_ms, stop_);
}

Result<Done> BucketLink::put(std::string_view key, std::span<const std::byte> object) {
    wait_for(object.size(), shape_.put_latency_ms);
    return bucket_->put(key, object);
}

Result<PutOutcome> BucketLink::put_if_absent(std::string_view key,
                                             std::span<const std::byte> object) {
    wait_for(object.size(), shape_.put_latency_ms);
    return bucket_->put_if_absent(key, object);
}

Result<Bytes> BucketLink::get(std::string_view key, ByteRange range) {
    Result<Bytes> object = bucket_->get(key, range);
    wait_for(object ? object->size() : 0);
    return object;
}

Result<std::vector<std::string>> BucketLink::list(std::string_view prefix, Listing what) {
    wait_for(0);
    return bucket_->list(prefix, what);
}

Result<Done> BucketLink::remove(std::string_view key) {
    wait_for(0);
    return bucket_->remove(key);
}

}  // namespace dws
