#include "sync/bucket/bucket.h"

#include <fmt/format.h>

#include <stdexcept>

#include "sync/bucket/bucket_dir.h"
#include "sync/bucket/bucket_link.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/sha256.h"

namespace dws {

namespace {

constexpr std::size_t kMaxKeyLength = 1'024;
constexpr std::size_t kMaxNameLength = 255;
constexpr std::string_view kFileScheme = "file://";

bool is_key_letter(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '.' || letter == '_' || letter == '-';
}

bool is_valid_name(std::string_view name) {
    if (name.empty() || name.size() > kMaxNameLength || name == "." || name == "..") return false;
    for (const char letter : name) {
        if (!is_key_letter(letter)) return false;
    }
    return true;
}

std::string folder_of(const std::string& uri) {
    std::string folder = uri.starts_with(kFileScheme) ? uri.substr(kFileScheme.size()) : uri;
    if (folder.empty() || folder.find("://") != std::string::npos) {
        throw std::runtime_error(
            fmt::format("bucket \"{}\" is neither a folder nor file:///folder", uri));
    }
    return folder;
}

}  // namespace

bool is_valid_key(std::string_view key) {
    if (key.size() > kMaxKeyLength) return false;
    std::size_t start = 0;
    for (std::size_t slash = key.find('/'); slash != std::string_view::npos;
         slash = key.find('/', start)) {
        if (!is_valid_name(key.substr(start, slash - start))) return false;
        start = slash + 1;
    }
    return is_valid_name(key.substr(start));
}

std::unique_ptr<Bucket> open_bucket(const std::string& uri, RetryPolicy retry, LinkShape link,
                                    std::stop_token stop, BucketAccess access) {
    std::unique_ptr<Bucket> bucket = std::make_unique<BucketDir>(folder_of(uri), access);
    if (link.latency_ms > 0 || link.put_latency_ms > 0 || link.megabit_per_s > 0) {
        bucket = std::make_unique<BucketLink>(std::move(bucket), link, stop);
    }
    return std::make_unique<BucketRetry>(std::move(bucket), retry, std::move(stop));
}

Result<Done> probe_put_if_absent(Bucket& bucket, const std::string& prefix) {
    const std::string key = prefix + "/probe-" + random_hex(8);
    const Result<PutOutcome> first = bucket.put_if_absent(key, bytes_of("probe"));
    if (!first) return first.error();
    const Result<PutOutcome> second = bucket.put_if_absent(key, bytes_of("probe again"));
    const Result<Done> removed = bucket.remove(key);
    if (!second) return second.error();
    if (*second == PutOutcome::created) {
        return Error{Fault::untrusted,
                     fmt::format("the store created {} twice: it ignores \"only if absent\", and "
                                 "two writers could not be told apart",
                                 key)};
    }
    return removed;
}

}  // namespace dws
