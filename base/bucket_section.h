// What a run says of its bucket: read by configs, acted on by sync, which do not know each other.
#pragma once

#include <string>

namespace dws {

struct BucketSection {
    // A folder, file:///folder, s3://bucket/prefix?endpoint=... or hf://buckets/namespace/name.
    std::string uri = "out/run/bucket";
    double latency_ms = 0;           // added to every call: a bucket far away
    double put_latency_ms = 0;       // added to every write: a slow uplink
    double megabit_per_s = 0;        // payload speed each way; 0: as it is
    double retry_deadline_s = 10;    // a call is retried this long before it has failed
    double limit_megabit_per_s = 0;  // of an object store, both ways together; 0: none
    bool unfenced = false;           // the store knows no "only if absent", and there is never
                                     // more than one writer
};

}  // namespace dws
