// A Hugging Face bucket read with a token alone, through the hub's own addresses. The hub takes no
// object that was not brought by its own transfer protocol, so writing needs the S3 gateway and a
// key pair: here it is refused (Fault::untrusted), and open_bucket() refuses it first.
#pragma once

#include <stop_token>
#include <string>

#include "sync/bucket/bucket.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/bucket/bucket_uri.h"
#include "sync/bucket/credentials.h"
#include "sync/bucket/object_read.h"
#include "sync/bucket/store_place.h"

namespace dws {

class BucketHub : public Bucket {
public:
    BucketHub(StorePlace hub, const BucketUri& uri, Secret token, HttpOptions http,
              PieceOptions pieces, RetryPolicy retry, std::stop_token stop);

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override;
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override;
    Result<Bytes> get(std::string_view key, ByteRange range) override;
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override;
    Result<Done> remove(std::string_view key) override;

private:
    Retries retries() const { return {policy_, stop_}; }
    HttpRequest request(std::string url) const;
    Error failure(const std::string& call, const HttpReply& reply) const;

    const StorePlace hub_;
    const std::string bucket_;  // "NAMESPACE/NAME"
    const Secret token_;
    const PieceOptions pieces_;
    const RetryPolicy policy_;
    const std::stop_token stop_;
    HttpClient http_;
};

}  // namespace dws
