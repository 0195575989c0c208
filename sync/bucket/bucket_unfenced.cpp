#include "sync/bucket/bucket_unfenced.h"

namespace dws {

Result<PutOutcome> BucketUnfenced::put_if_absent(std::string_view key,
                                                 std::span<const std::byte> object) {
    const Result<Bytes> found = bucket_->get(key, {.offset = 0, .length = 1});
    if (found) return PutOutcome::existed;
    if (found.error().fault != Fault::missing) return found.error();
    const Result<Done> put = bucket_->put(key, object);
    if (!put) return put.error();
    return PutOutcome::created;
}

}  // namespace dws
