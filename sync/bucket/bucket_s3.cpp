#include "sync/bucket/bucket_s3.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/require.h"
#include "sync/bucket/s3_parts.h"
#include "sync/bucket/s3_xml.h"
#include "sync/sha256.h"

namespace dws {

namespace {

// Far above what any run keeps, far below what fills a memory. A store may put more than it was
// asked for into a page, so that pages alone bound nothing.
constexpr std::size_t kMostPages = 10'000;
constexpr std::size_t kMostKeys = 10'000'000;

Error bad_key(std::string_view key) {
    return Error{Fault::corrupt, fmt::format("\"{}\" is not a valid bucket key", key)};
}

std::string called(std::string_view verb, std::string_view key) {
    return fmt::format("{} {}", verb, key);
}

S3Request put_request(std::string_view key, std::span<const std::byte> object) {
    S3Request request;
    request.method = "PUT";
    request.key = key;
    request.body = object;
    request.body_sha256 = sha256_hex(object);
    return request;
}

}  // namespace

BucketS3::BucketS3(StorePlace place, Credentials credentials, S3Options options, RetryPolicy retry,
                   std::stop_token stop, BucketAccess access)
    : options_(std::move(options)),
      policy_(retry),
      stop_(stop),
      access_(access),
      client_(std::move(place), std::move(credentials), options_.http, std::move(stop)) {}

Result<Done> BucketS3::put(std::string_view key, std::span<const std::byte> object) {
    require(access_ == BucketAccess::write, "a bucket opened to be read is not written");
    if (!is_valid_key(key)) return bad_key(key);
    if (object.size() > options_.single_put_bytes)
        return put_in_parts(client_, std::string(key), object, options_.part_bytes,
                            options_.parts_at_once, retries());
    const S3Request request = put_request(key, object);
    return retries().until_answered([&]() -> Result<Done> {
        const HttpReply reply = client_.send(request);
        if (reply.is_success()) return Done{};
        return client_.failure(called("put", key), reply);
    });
}

Result<PutOutcome> BucketS3::put_if_absent(std::string_view key,
                                           std::span<const std::byte> object) {
    require(access_ == BucketAccess::write, "a bucket opened to be read is not written");
    if (!is_valid_key(key)) return bad_key(key);
    if (object.size() > options_.single_put_bytes)
        return Error{Fault::untrusted,
                     fmt::format("create {}: {} bytes are more than one PUT takes, and parts know "
                                 "no condition",
                                 key, object.size())};
    S3Request request = put_request(key, object);
    request.headers.push_back({"if-none-match", "*"});
    return retries().until_answered([&]() -> Result<PutOutcome> {
        const HttpReply reply = client_.send(request);
        if (reply.is_success()) return PutOutcome::created;
        if (reply.failure.empty() && reply.status == 412) return PutOutcome::existed;
        Error error = client_.failure(called("create", key), reply);
        if (reply.failure.empty() && reply.status == 501)
            error.detail +=
                ": it refuses conditional writes, so two writers could not be told apart; use "
                "another store, or bucket.unfenced: true where there is never more than one writer";
        return error;
    });
}

Result<Bytes> BucketS3::get(std::string_view key, ByteRange range) {
    if (!is_valid_key(key)) return bad_key(key);
    const auto ask = [&](const std::string& bytes, std::size_t expected, const HttpRoom& room) {
        S3Request request;
        request.method = "GET";
        request.key = key;
        request.headers.push_back({"range", bytes});
        request.room = room;
        request.expected_bytes = expected;
        return client_.send(request);
    };
    const auto failure = [&](const HttpReply& reply) {
        return client_.failure(called("get", key), reply);
    };
    return read_object({ask, failure}, range, options_.pieces, retries());
}

Result<std::vector<std::string>> BucketS3::list(std::string_view prefix, Listing what) {
    const std::size_t skipped = client_.place().prefix.size();
    const std::string whole_prefix = client_.place().prefix + std::string(prefix);
    S3Request request;
    request.method = "GET";
    request.most_text_bytes = kMostXmlBytes;
    std::vector<std::string> found;
    std::string next_token;
    for (std::size_t pages = 0; pages < kMostPages && found.size() < kMostKeys; ++pages) {
        request.query = {{"list-type", "2"},
                         {"encoding-type", "url"},
                         {"max-keys", std::to_string(options_.list_page_keys)},
                         {"prefix", whole_prefix}};
        if (what == Listing::folders) request.query.emplace_back("delimiter", "/");
        if (!next_token.empty()) request.query.emplace_back("continuation-token", next_token);
        const Result<S3ListPage> page = retries().until_answered([&]() -> Result<S3ListPage> {
            const HttpReply reply = client_.send(request);
            if (!reply.is_success()) return client_.failure(called("list", prefix), reply);
            return read_list_page(reply.text);
        });
        if (!page) return page.error();
        for (const std::string& key : what == Listing::folders ? page->folders : page->keys)
            if (key.starts_with(whole_prefix)) found.push_back(key.substr(skipped));
        next_token = page->next_token;
        if (!next_token.empty()) continue;
        std::ranges::sort(found);
        return found;
    }
    return Error{Fault::corrupt, fmt::format("list {}: more than {} pages or {} keys", prefix,
                                             kMostPages, kMostKeys)};
}

Result<Done> BucketS3::remove(std::string_view key) {
    require(access_ == BucketAccess::write, "nothing is removed from a bucket opened to be read");
    if (!is_valid_key(key)) return bad_key(key);
    S3Request request;
    request.method = "DELETE";
    request.key = key;
    return retries().until_answered([&]() -> Result<Done> {
        const HttpReply reply = client_.send(request);
        if (reply.is_success()) return Done{};
        const Error error = client_.failure(called("remove", key), reply);
        if (error.fault == Fault::missing) return Done{};
        return error;
    });
}

}  // namespace dws
