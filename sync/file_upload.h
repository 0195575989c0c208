// Files on their way into the bucket: hashed, named by their hash and uploaded by threads of their
// own while the next one is being encoded. No more than files_in_flight files are in memory at any
// moment, whatever the version's size.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/record.h"

namespace dws {

struct FileUploadOptions {
    std::string run;
    std::string stem;  // "delta-000043": keys are objects/<stem>-<hash16>.safetensors
    std::size_t files_in_flight = 3;  // one being encoded, one hashed, one on the wire; at least 1
    double retry_wait_s = 1;          // between attempts once the bucket's own retries are spent
    std::function<void(const Error&)> fault;  // hears what is being waited out; any thread
};

class FileUpload {
public:
    // bucket is not owned and outlives this. Faults of transport are waited out until stop.
    FileUpload(Bucket& bucket, FileUploadOptions options, std::stop_token stop);
    ~FileUpload();

    // Takes a file, waiting while too many are under way. False once one has failed for good or
    // stop was requested: a FileSink.
    bool add(Bytes file);
    // Waits for the last one. The files in the order they were added, or the first failure;
    // Fault::transport when stopped.
    Result<std::vector<ObjectRef>> finish();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace dws
