#include "experiments/fault_proxy/hub_stand_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "experiments/fault_proxy/error_reply.h"
#include "experiments/fault_proxy/signed_request.h"
#include "sync/sha256.h"

namespace dws {
namespace {

HostPort beside(HostPort place) {
    place.port = 0;
    return place;
}

bool has_query(const WireRequest& request, std::string_view part) {
    return request.query.find(part) != std::string::npos;
}

// "/bucket/key": more than a bucket.
bool names_an_object(const std::string& path) {
    const std::size_t slash = path.find('/', 1);
    return slash != std::string::npos && slash + 1 < path.size();
}

Reply as_reply(Result<WireResponse> response) {
    if (!response) return {.response = {}, .delivery = Delivery::lost};
    return {.response = std::move(*response)};
}

}  // namespace

HubStandIn::HubStandIn(const HostPort& at, HubOptions options)
    : options_(std::move(options)),
      host_(at.host),
      edge_secret_(random_hex(16)),
      upstream_(options_.store),
      edge_(beside(at), [this](WireRequest request,
                               auto stop) { return edge_answer(std::move(request), stop); }),
      gateway_(
          at, [this](WireRequest request, auto stop) { return answer(std::move(request), stop); }) {
}

std::string HubStandIn::endpoint() const {
    return fmt::format("http://{}:{}/{}", host_, port(), options_.name_space);
}

Reply HubStandIn::answer(WireRequest request, std::stop_token stop) {
    const std::optional<std::string> fault =
        signature_fault(request, options_.region, options_.credentials);
    if (fault) return error_reply(403, "Forbidden", *fault);
    const std::string folder = "/" + options_.name_space + "/";
    if (!request.path.starts_with(folder)) return error_reply(404, "Not Found", "NoSuchBucket");
    request.path.erase(0, folder.size() - 1);
    std::erase_if(request.fields,
                  [](const auto& field) { return field.first.starts_with("x-amz-meta-"); });
    if (request.method != "GET") return as_reply(forward(request, stop));

    for (const char* condition :
         {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
        erase_field(request.fields, condition);
    if (!names_an_object(request.path)) {
        if (!has_query(request, "list-type=2"))
            return error_reply(501, "Not Implemented", "NotImplemented");
        return as_reply(forward(request, stop));
    }
    if (has_query(request, "uploadId=")) return as_reply(forward(request, stop));  // parts so far
    request.method = "HEAD";
    erase_field(request.fields, "range");
    Result<WireResponse> found = forward(request, stop);
    if (!found) return as_reply(std::move(found));
    if (found->status == 404) return error_reply(404, "Not Found", "NoSuchKey");
    Reply moved = error_reply(302, "Found", "TemporaryRedirect");
    set_field(moved.response.fields, "location",
              fmt::format("http://{}:{}{}?token={}", host_, edge_.port(), request.path,
                          edge_token(request.path)));
    return moved;
}

Reply HubStandIn::edge_answer(WireRequest request, std::stop_token stop) {
    const bool is_leak =
        std::any_of(request.fields.begin(), request.fields.end(), [](const auto& field) {
            return field.first == "authorization" || field.first.starts_with("x-amz-");
        });
    if (is_leak) {
        leaks_ += 1;
        return error_reply(400, "Bad Request", "SignedHeadersMustNotLeave");
    }
    if (request.query != "token=" + edge_token(request.path))
        return error_reply(403, "Forbidden", "AccessDenied");
    request.query.clear();
    return as_reply(forward(request, stop));
}

std::string HubStandIn::edge_token(const std::string& path) const {
    return sha256_hex(bytes_of(edge_secret_ + path));
}

Result<WireResponse> HubStandIn::forward(const WireRequest& request, std::stop_token stop) {
    WireRequest inner = request;
    sign_anew(inner, fmt::format("{}:{}", options_.store.host, options_.store.port),
              options_.region, options_.credentials);
    return upstream_.send(inner, std::move(stop));
}

}  // namespace dws
