// The one string that names a bucket wholly:
//
//   out/run/bucket  file:///dir                     a folder
//   s3://BUCKET/PREFIX?OPTION=VALUE&...             any S3 store
//   hf://buckets/NAMESPACE/NAME/PREFIX?OPTION=...   a Hugging Face bucket
//
// Options: endpoint, region, style (path | virtual), ca (file of the authority that signed the
// endpoint's certificate), insecure (true | false: plain http beyond this machine). Credentials
// never stand here: a bucket's address is logged, quoted and kept in configs.
#pragma once

#include <map>
#include <string>

namespace dws {

struct BucketUri {
    enum class Kind { folder, s3, hf };
    Kind kind = Kind::folder;
    std::string folder;      // of Kind::folder
    std::string name_space;  // of Kind::hf
    std::string bucket;
    std::string prefix;                          // "" or names between slashes
    std::map<std::string, std::string> options;  // decoded; only those above
};

// Throws std::runtime_error saying what is wrong, with the nearest option where one is unknown. No
// value of an option and no user information ("key:secret@") is repeated in it.
BucketUri parse_bucket_uri(const std::string& uri);

}  // namespace dws
