#include "sync/bucket/bucket.h"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>

#include "sync/bucket/bucket_dir.h"
#include "sync/bucket/bucket_hub.h"
#include "sync/bucket/bucket_link.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/bucket/bucket_s3.h"
#include "sync/bucket/bucket_unfenced.h"
#include "sync/bucket/bucket_uri.h"
#include "sync/bucket/credentials.h"
#include "sync/bucket/environment.h"
#include "sync/bucket/store_place.h"
#include "sync/sha256.h"

namespace dws {

namespace {

constexpr std::size_t kMaxKeyLength = 1'024;
constexpr std::size_t kMaxNameLength = 255;

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

// Keys that open the bucket, or the token that only reads it.
std::unique_ptr<Bucket> open_store(const BucketUri& uri, const S3Options& options,
                                   RetryPolicy retry, std::stop_token stop, BucketAccess access) {
    const Environment environment = process_environment();
    S3Options placed = options;
    if (std::optional<Credentials> keys = find_credentials(environment)) {
        StorePlace place = s3_place(uri, environment);
        placed.http.ca_file = place.ca_file;
        return std::make_unique<BucketS3>(std::move(place), std::move(*keys), placed, retry,
                                          std::move(stop), access);
    }
    constexpr std::string_view kWhatToSet =
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials";
    Secret token = find_hub_token(environment);
    if (uri.kind == BucketUri::Kind::s3 || token.empty())
        throw std::runtime_error(
            fmt::format("there are no keys for the bucket {}: {}", uri.bucket, kWhatToSet));
    if (access == BucketAccess::write)
        throw std::runtime_error(fmt::format(
            "HF_TOKEN only reads the bucket {}/{}; to write, make S3 credentials of the "
            "token on huggingface.co and {}",
            uri.name_space, uri.bucket, kWhatToSet));
    StorePlace hub = hub_place(uri, environment);
    placed.http.ca_file = hub.ca_file;
    return std::make_unique<BucketHub>(std::move(hub), uri, std::move(token), placed.http,
                                       placed.pieces, retry, std::move(stop));
}

S3Options options_of(const LinkShape& link, const RetryPolicy& retry) {
    S3Options options;
    options.http.bytes_per_s = link.limit_megabit_per_s * 1e6 / 8;
    options.http.stop_grace_s = retry.deadline_s;
    return options;
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
    const BucketUri place = parse_bucket_uri(uri);
    const bool is_folder = place.kind == BucketUri::Kind::folder;
    if (is_folder && link.limit_megabit_per_s > 0)
        throw std::runtime_error(
            "bucket.limit_megabit_per_s limits the line to an object store; a folder has none");
    std::unique_ptr<Bucket> bucket;
    if (is_folder)
        bucket = std::make_unique<BucketDir>(place.folder, access);
    else  // makes each of its requests again by itself: a large object has many
        bucket = open_store(place, options_of(link, retry), retry, stop, access);
    if (link.latency_ms > 0 || link.put_latency_ms > 0 || link.megabit_per_s > 0)
        bucket = std::make_unique<BucketLink>(std::move(bucket), link, stop);
    if (is_folder)
        bucket = std::make_unique<BucketRetry>(std::move(bucket), retry, std::move(stop));
    return bucket;
}

std::unique_ptr<Bucket> open_bucket(const BucketSection& section, std::stop_token stop,
                                    BucketAccess access) {
    auto bucket = open_bucket(section.uri, {.deadline_s = section.retry_deadline_s},
                              {.latency_ms = section.latency_ms,
                               .megabit_per_s = section.megabit_per_s,
                               .put_latency_ms = section.put_latency_ms,
                               .limit_megabit_per_s = section.limit_megabit_per_s},
                              std::move(stop), access);
    return section.unfenced ? without_fence(std::move(bucket)) : std::move(bucket);
}

std::unique_ptr<Bucket> without_fence(std::unique_ptr<Bucket> bucket) {
    return std::make_unique<BucketUnfenced>(std::move(bucket));
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
                                 "two writers could not be told apart; use another store, or "
                                 "bucket.unfenced: true where there is never more than one writer",
                                 key)};
    }
    return removed;
}

}  // namespace dws
