#include "sync/bucket/http_redirect.h"

#include <algorithm>

namespace dws {

namespace {

constexpr int kMostHops = 3;  // a gateway, the hub and a server near us are two

bool is_redirect(const HttpReply& reply) {
    const bool is_status = reply.status == 301 || reply.status == 302 || reply.status == 303 ||
                           reply.status == 307 || reply.status == 308;
    return is_status && reply.failure.empty() && !reply.redirect.empty();
}

HttpRequest unsigned_request(const HttpRequest& first, std::string url) {
    HttpRequest request = first;
    request.url = std::move(url);
    std::erase_if(request.headers, [](const HttpHeader& header) { return header.name != "range"; });
    return request;
}

}  // namespace

HttpReply get_following_redirects(HttpClient& http, const HttpRequest& first) {
    HttpReply reply = http.perform(first);
    for (int hop = 0; hop < kMostHops && is_redirect(reply); ++hop) {
        if (first.url.starts_with("https://") && !reply.redirect.starts_with("https://")) {
            reply.failure = "the store points to an address without TLS";
            return reply;
        }
        reply = http.perform(unsigned_request(first, reply.redirect));
        reply.is_elsewhere = true;
    }
    return reply;
}

}  // namespace dws
