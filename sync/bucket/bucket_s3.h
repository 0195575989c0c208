// A bucket of any S3 store: AWS, Ceph, MinIO, R2, Hugging Face's gateway. An object is one PUT
// with the SHA-256 of its bytes signed into it, so that the store keeps no others; only one above
// the store's limit comes in parts. Nothing is asked of a store but PUT, GET with a range, DELETE,
// ListObjectsV2 and "If-None-Match: *": no metadata, no ETag of a known form, no copies.
#pragma once

#include <stop_token>

#include "sync/bucket/bucket.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/bucket/object_read.h"
#include "sync/bucket/s3_client.h"

namespace dws {

struct S3Options {
    HttpOptions http;
    PieceOptions pieces;                          // of a large object that is read
    std::uint64_t single_put_bytes = 5ull << 30;  // AWS's limit of one PUT
    std::uint64_t part_bytes = 256u << 20;        // of an object above it
    std::size_t parts_at_once = 4;
    std::size_t list_page_keys = 1'000;  // S3's most
};

class BucketS3 : public Bucket {
public:
    BucketS3(StorePlace place, Credentials credentials, S3Options options, RetryPolicy retry,
             std::stop_token stop, BucketAccess access);

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override;
    // Fault::untrusted from a store that does not know the condition, and for an object above
    // single_put_bytes: no store keeps the condition of one in parts.
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override;
    Result<Bytes> get(std::string_view key, ByteRange range) override;
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override;
    Result<Done> remove(std::string_view key) override;

private:
    Retries retries() const { return {policy_, stop_}; }

    const S3Options options_;
    const RetryPolicy policy_;
    const std::stop_token stop_;
    const BucketAccess access_;
    S3Client client_;
};

}  // namespace dws
