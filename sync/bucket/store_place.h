// Where a store is: what a bucket's address, the environment and the usual files say together.
#pragma once

#include <string>

#include "sync/bucket/bucket_uri.h"
#include "sync/bucket/environment.h"

namespace dws {

struct StorePlace {
    std::string origin;     // "https://127.0.0.1:7480", what every request's address begins with
    std::string host;       // "127.0.0.1:7480", as requests name it and sign it
    std::string base_path;  // encoded, before the key: "/bucket", "/namespace/bucket" or ""
    std::string bucket;
    std::string prefix;  // before every key, with '/' at its end; or ""
    std::string region;
    std::string ca_file;  // empty: the system's authorities
};

// Of an s3:// or hf:// address. The endpoint is its option, otherwise AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL or endpoint_url of the profile, otherwise AWS itself (hf: s3.hf.co). The region
// is its option, otherwise AWS_REGION, AWS_DEFAULT_REGION or region of the profile; only AWS needs
// one. ca: its option, otherwise AWS_CA_BUNDLE.
// Throws std::runtime_error for what does not hold together, and for plain http to another machine
// without insecure=true: whoever sits between reads and changes everything.
StorePlace s3_place(const BucketUri& uri, const Environment& environment);

// The hub itself, which lets a token read what stands in an hf:// bucket. HF_ENDPOINT, otherwise
// huggingface.co. base_path is empty.
StorePlace hub_place(const BucketUri& uri, const Environment& environment);

// Whether `host`, which may end in ":PORT", is this machine itself.
bool is_loopback(std::string_view host);

}  // namespace dws
