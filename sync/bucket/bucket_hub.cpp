#include "sync/bucket/bucket_hub.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "sync/bucket/http_redirect.h"
#include "sync/bucket/hub_tree.h"
#include "sync/bucket/percent.h"
#include "sync/bucket/retry_after.h"

namespace dws {

namespace {

constexpr std::size_t kMostPages = 10'000;        // as an S3 listing may have
constexpr std::size_t kMostKeys = 10'000'000;     // likewise
constexpr std::size_t kMostPageBytes = 8u << 20;  // 1,000 entries are a few hundred kB

Error bad_key(std::string_view key) {
    return Error{Fault::corrupt, fmt::format("\"{}\" is not a valid bucket key", key)};
}

Error read_only() {
    return Error{Fault::untrusted,
                 "a token alone only reads: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"};
}

}  // namespace

BucketHub::BucketHub(StorePlace hub, const BucketUri& uri, Secret token, HttpOptions http,
                     PieceOptions pieces, RetryPolicy retry, std::stop_token stop)
    : hub_(std::move(hub)),
      bucket_(percent_encode(uri.name_space) + "/" + percent_encode(uri.bucket)),
      token_(std::move(token)),
      pieces_(pieces),
      policy_(retry),
      stop_(stop),
      http_(std::move(http), std::move(stop)) {}

HttpRequest BucketHub::request(std::string url) const {
    HttpRequest request;
    request.method = "GET";
    request.url = std::move(url);
    request.headers.push_back({"authorization", "Bearer " + token_.reveal()});
    return request;
}

Error BucketHub::failure(const std::string& call, const HttpReply& reply) const {
    const std::string start = fmt::format("{} at {}: ", call, hub_.host);
    if (reply.is_untrusted_server)
        return Error{Fault::untrusted, start + reply.failure +
                                           "; for an authority of your own add "
                                           "ca=FILE to the bucket's address"};
    if (!reply.failure.empty()) return Error{Fault::transport, start + reply.failure};
    const std::string status = fmt::format("{}HTTP {}", start, reply.status);
    if (reply.status == 404 && reply.header("x-error-code") != "RepoNotFound")
        return Error{Fault::missing, status};
    if (!reply.is_elsewhere && (reply.status == 401 || reply.status == 403 || reply.status == 404))
        return Error{Fault::untrusted,
                     status + "; check the bucket's name, and that the token may read it"};
    const double after_s = std::max(retry_after_s(reply.header("retry-after"), wall_s()),
                                    rate_limit_reset_s(reply.header("ratelimit")));
    const bool says_when = reply.status == 429 || reply.status == 503;
    return Error{Fault::transport, status, says_when ? after_s : 0};
}

Result<Bytes> BucketHub::get(std::string_view key, ByteRange range) {
    if (!is_valid_key(key)) return bad_key(key);
    const std::string url =
        fmt::format("{}{}/buckets/{}/resolve/{}", hub_.origin, hub_.base_path, bucket_,
                    percent_encode(hub_.prefix + std::string(key), Slashes::kept));
    const auto ask = [&](const std::string& bytes, std::size_t expected, const HttpRoom& room) {
        HttpRequest asked = request(url);
        asked.headers.push_back({"range", bytes});
        asked.room = room;
        asked.expected_bytes = expected;
        return get_following_redirects(http_, asked);
    };
    const auto describe = [&](const HttpReply& reply) {
        return failure(fmt::format("get {}", key), reply);
    };
    return read_object({ask, describe}, range, pieces_, retries());
}

Result<std::vector<std::string>> BucketHub::list(std::string_view prefix, Listing what) {
    const std::string whole = hub_.prefix + std::string(prefix);
    const std::size_t slash = whole.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : whole.substr(0, slash);
    std::string url =
        fmt::format("{}{}/api/buckets/{}/tree{}{}?recursive={}", hub_.origin, hub_.base_path,
                    bucket_, folder.empty() ? "" : "/", percent_encode(folder, Slashes::kept),
                    what == Listing::objects ? "true" : "false");
    std::vector<std::string> found;
    for (std::size_t pages = 0; pages < kMostPages && found.size() < kMostKeys && !url.empty();
         ++pages) {
        std::string next;
        const Result<HubPage> page = retries().until_answered([&]() -> Result<HubPage> {
            HttpRequest asked = request(url);
            asked.most_text_bytes = kMostPageBytes;
            const HttpReply reply = http_.perform(asked);
            const Error error = failure(fmt::format("list {}", prefix), reply);
            if (error.fault == Fault::missing) return HubPage{};  // no such folder
            if (!reply.is_success()) return error;
            next = next_page(reply.header("link"), hub_.origin);
            return read_hub_page(reply.text);
        });
        if (!page) return page.error();
        for (const std::string& key : what == Listing::folders ? page->folders : page->files)
            if (key.starts_with(whole)) found.push_back(key.substr(hub_.prefix.size()));
        url = next;
    }
    if (!url.empty())
        return Error{Fault::corrupt, fmt::format("list {}: more than {} pages or {} keys", prefix,
                                                 kMostPages, kMostKeys)};
    std::ranges::sort(found);
    return found;
}

Result<Done> BucketHub::put(std::string_view, std::span<const std::byte>) { return read_only(); }

Result<PutOutcome> BucketHub::put_if_absent(std::string_view, std::span<const std::byte>) {
    return read_only();
}

Result<Done> BucketHub::remove(std::string_view) { return read_only(); }

}  // namespace dws
