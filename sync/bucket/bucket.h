// An object store: all that this project asks of one. Objects are written whole and never changed
// in place. Calls block; every implementation is safe to call from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bucket_section.h"
#include "base/bytes.h"
#include "base/result.h"

namespace dws {

enum class PutOutcome { created, existed };

// Part of an object. A get() returns fewer bytes when the object ends sooner.
struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t length;  // the caller's limit: no reply is larger, whatever the store holds
};

enum class Listing {
    objects,  // every key that starts with the prefix
    folders,  // the distinct beginnings of keys, from their start up to the first '/' after the
              // prefix and with that '/': "run/games/" may list "run/games/worker-1/"
};

// Keys are '/'-separated names of letters, digits, '.', '_' and '-'; no name is "." or "..". A key
// has at most 1,024 characters (S3's limit), a name in it 255 (that of file systems).
bool is_valid_key(std::string_view key);

class Bucket {
public:
    virtual ~Bucket() = default;

    // A key that is not valid is Fault::corrupt everywhere.
    // Replaces what is there: only for objects named by their content, where that is the same.
    virtual Result<Done> put(std::string_view key, std::span<const std::byte> object) = 0;
    // Atomic: of all callers of one key exactly one reads `created`. Fault::transport leaves open
    // whether the object is there; whoever needs to know reads it back.
    virtual Result<PutOutcome> put_if_absent(std::string_view key,
                                             std::span<const std::byte> object) = 0;
    // Fault::missing when there is no such object.
    virtual Result<Bytes> get(std::string_view key, ByteRange range) = 0;
    // Sorted. Nothing under the prefix is an empty list.
    virtual Result<std::vector<std::string>> list(std::string_view prefix, Listing what) = 0;
    // Removing what is not there succeeds.
    virtual Result<Done> remove(std::string_view key) = 0;
};

// The line to the bucket. The first three make it look worse than it is, for trying out what
// distance does; the last keeps it free for others. All zero: as it is.
struct LinkShape {
    double latency_ms = 0;           // added to every call
    double megabit_per_s = 0;        // of payload, each way; 0 is unlimited
    double put_latency_ms = 0;       // added to every write as well: a slow uplink
    double limit_megabit_per_s = 0;  // of an object store: all that goes either way, together
};

// How long a call is retried before Fault::transport is final. A put_if_absent that is retried may
// find its own object and report `existed`: whoever must know whose it is reads it back.
struct RetryPolicy {
    double first_wait_ms = 50;  // doubles each time, with jitter
    double longest_wait_ms = 2'000;
    double deadline_s = 10;
};

// What opening a bucket may do to it.
enum class BucketAccess {
    read,   // nothing: no folder is made, no file written or removed; writing to it is a bug
    write,  // the folder is made when absent, and writing tried
};

// uri: a folder or an object store, with all that is to be said of it (sync/bucket/bucket_uri.h).
// Credentials come from the environment or the usual files (sync/bucket/credentials.h). The bucket
// retries by the policy. Once stop is requested no call waits or is made again; each is still made
// once, so that the last objects can be written, and has the policy's deadline to end.
// Throws std::runtime_error naming the folder when it cannot be made or written, or for
// BucketAccess::read when it cannot be read; for a store when its address does not hold together or
// there are no keys. Whether a store answers shows with the first call.
std::unique_ptr<Bucket> open_bucket(const std::string& uri, RetryPolicy retry, LinkShape link,
                                    std::stop_token stop = {},
                                    BucketAccess access = BucketAccess::write);

// As a run's config says it, unfenced where it says so.
std::unique_ptr<Bucket> open_bucket(const BucketSection& section, std::stop_token stop,
                                    BucketAccess access = BucketAccess::write);

// The bucket for a store that knows no put_if_absent (sync/bucket/bucket_unfenced.h): the operator
// vouches that there is never more than one writer. The probe below passes on it.
std::unique_ptr<Bucket> without_fence(std::unique_ptr<Bucket> bucket);

// Creates a key twice under `prefix`: the second must be refused. Fault::untrusted for a store
// that ignores the condition, since two writers could not be told apart there.
Result<Done> probe_put_if_absent(Bucket& bucket, const std::string& prefix);

}  // namespace dws
