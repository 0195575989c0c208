#include "sync/bucket/s3_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "sync/bucket/bucket.h"
#include "sync/bucket/http_redirect.h"
#include "sync/bucket/percent.h"
#include "sync/bucket/retry_after.h"
#include "sync/bucket/s3_xml.h"
#include "sync/bucket/sigv4.h"

namespace dws {

namespace {

constexpr std::string_view kSha256OfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// In the order in which it is signed, too: by name.
std::string query_of(std::vector<std::pair<std::string, std::string>> parameters) {
    std::ranges::sort(parameters);
    std::string query;
    for (const auto& [name, value] : parameters)
        query += fmt::format("{}{}={}", query.empty() ? "" : "&", percent_encode(name),
                             percent_encode(value));
    return query;
}

// Codes by which a store says that this very request may succeed another time.
bool is_passing(int status, const std::string& code) {
    return code.empty() || status == 307 || status == 408 || status == 409 || status == 425 ||
           status == 429 || code == "RequestTimeout" || code == "IncompleteBody" ||
           code == "BadDigest" || code == "XAmzContentSHA256Mismatch";
}

struct Meaning {
    Fault fault;
    std::string advice;  // empty: there is none
};

Meaning meaning_of(const HttpReply& reply, const std::string& code, const StorePlace& place) {
    const int status = reply.status;
    if (status >= 500 && status != 501) return {Fault::transport, ""};
    if (reply.is_elsewhere && status != 404) return {Fault::transport, "the address has run out"};
    if (code == "NoSuchBucket")
        return {Fault::untrusted, fmt::format("create the bucket {} first", place.bucket)};
    if (code == "RequestTimeTooSkewed")
        return {Fault::untrusted, "set the clocks of this machine and the store"};
    if (const std::string_view region = reply.header("x-amz-bucket-region");
        is_valid_key(region) && region != place.region && status != 404)
        return {Fault::untrusted,
                fmt::format("the bucket is in another region: region={}", region)};
    if (status == 404 && (code == "NoSuchKey" || code.empty())) return {Fault::missing, ""};
    if (status == 501) return {Fault::untrusted, "the store cannot do this"};
    if (is_passing(status, code)) return {Fault::transport, ""};
    if (status == 401 || status == 403)
        return {Fault::untrusted,
                "check the keys, and that they may read, write, list and delete here"};
    return {Fault::untrusted, "check the bucket's address"};
}

double wait_asked_for_s(const HttpReply& reply) {
    if (reply.status != 429 && reply.status != 503) return 0;
    const double after_s = retry_after_s(reply.header("retry-after"), wall_s());
    return after_s > 0 ? after_s : rate_limit_reset_s(reply.header("ratelimit"));
}

}  // namespace

S3Client::S3Client(StorePlace place, Credentials credentials, HttpOptions options,
                   std::stop_token stop)
    : place_(std::move(place)),
      credentials_(std::move(credentials)),
      http_(std::move(options), std::move(stop)) {}

HttpReply S3Client::send(const S3Request& request) {
    HttpReply reply = send_once(request);
    if (learns_clock(reply)) reply = send_once(request);
    if (reply.is_success()) has_served_ = true;
    return reply;
}

HttpReply S3Client::send_once(const S3Request& request) {
    std::string path = place_.base_path;
    if (!request.key.empty())
        path += "/" + percent_encode(place_.prefix + request.key, Slashes::kept);
    if (path.empty()) path = "/";
    const std::string query = query_of(request.query);
    const std::string sha256 =
        request.body_sha256.empty() ? std::string(kSha256OfNothing) : request.body_sha256;
    const std::string time = sigv4_time(wall_s() + ahead_s_);

    HttpRequest sent;
    sent.method = request.method;
    sent.url = place_.origin + path + (query.empty() ? "" : "?" + query);
    sent.headers = request.headers;
    sent.headers.push_back({"host", place_.host});
    sent.headers.push_back({"x-amz-content-sha256", sha256});
    sent.headers.push_back({"x-amz-date", time});
    if (!credentials_.session_token.empty())
        sent.headers.push_back({"x-amz-security-token", credentials_.session_token.reveal()});
    const SigV4Request to_sign{request.method, path, query, sent.headers, sha256};
    sent.headers.push_back(
        {"authorization", sigv4_authorization(to_sign, {time, place_.region}, credentials_)});
    sent.body = request.body;
    sent.room = request.room;
    sent.expected_bytes = request.expected_bytes;
    sent.most_text_bytes = request.most_text_bytes;
    return request.method == "GET" ? get_following_redirects(http_, sent) : http_.perform(sent);
}

bool S3Client::learns_clock(const HttpReply& reply) {
    if (reply.status != 403 || read_refusal(reply.text).code != "RequestTimeTooSkewed")
        return false;
    const double store_s = unix_s_of_http_date(reply.header("date"));
    if (store_s == 0) return false;
    ahead_s_ = store_s - wall_s();
    return true;
}

Fault S3Client::refused() const { return has_served_ ? Fault::transport : Fault::untrusted; }

Error S3Client::failure(std::string_view call, const HttpReply& reply) const {
    if (!reply.failure.empty()) {
        std::string detail =
            credentials_.scrubbed(fmt::format("{} at {}: {}", call, place_.host, reply.failure));
        if (!reply.is_untrusted_server) return Error{Fault::transport, std::move(detail)};
        return Error{refused(),
                     detail + "; for an authority of your own add ca=FILE to the bucket's address"};
    }
    const S3Refusal refusal = read_refusal(reply.text);
    const Meaning meaning = meaning_of(reply, refusal.code, place_);
    std::string detail = fmt::format("{} at {}: HTTP {}", call, place_.host, reply.status);
    if (reply.is_elsewhere) detail += " where it pointed to";
    if (!refusal.code.empty()) detail += " " + refusal.code;
    if (!refusal.message.empty()) detail += fmt::format(" ({})", refusal.message);
    if (!meaning.advice.empty()) detail += "; " + meaning.advice;
    const bool may_pass = meaning.fault == Fault::untrusted && reply.status != 501;
    return Error{may_pass ? refused() : meaning.fault, credentials_.scrubbed(std::move(detail)),
                 wait_asked_for_s(reply)};
}

}  // namespace dws
