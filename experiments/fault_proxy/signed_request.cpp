#include "experiments/fault_proxy/signed_request.h"

#include <cmath>
#include <ctime>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "sync/bucket/http_client.h"
#include "sync/bucket/sigv4.h"
#include "sync/sha256.h"

namespace dws {
namespace {

constexpr double kClockDifference_s = 15 * 60;  // what S3 allows
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";

// The value of `NAME=value` in an Authorization header.
std::string part(const std::string& authorization, const std::string& name) {
    const std::size_t at = authorization.find(name + "=");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 1;
    return authorization.substr(begin, authorization.find(',', begin) - begin);
}

double unix_s_of(const std::string& amz_date) {
    std::tm parts{};
    if (::strptime(amz_date.c_str(), "%Y%m%dT%H%M%SZ", &parts) == nullptr) return 0;
    return static_cast<double>(::timegm(&parts));
}

std::string value_of(const WireRequest& request, std::string_view name) {
    const std::string* value = find_field(request.fields, name);
    return value != nullptr ? *value : "";
}

// The headers that the client says it signed.
HttpHeaders signed_headers(const WireRequest& request, std::string names) {
    HttpHeaders headers;
    names += ';';
    for (std::size_t begin = 0; begin < names.size();) {
        const std::size_t end = names.find(';', begin);
        const std::string name = names.substr(begin, end - begin);
        headers.push_back({name, value_of(request, name)});
        begin = end + 1;
    }
    return headers;
}

}  // namespace

std::optional<std::string> signature_fault(const WireRequest& request, const std::string& region,
                                           const Credentials& credentials) {
    const std::string authorization = value_of(request, "authorization");
    if (authorization.empty()) return "AccessDenied";
    const std::string credential = part(authorization, "Credential");
    if (credential.substr(0, credential.find('/')) != credentials.access_key_id.reveal())
        return "InvalidAccessKeyId";
    const std::string time = value_of(request, "x-amz-date");
    if (std::abs(unix_s_of(time) - wall_s()) > kClockDifference_s) return "RequestTimeTooSkewed";
    const std::string payload_sha256 = value_of(request, "x-amz-content-sha256");
    const HttpHeaders headers = signed_headers(request, part(authorization, "SignedHeaders"));
    const std::string expected = sigv4_authorization({.method = request.method,
                                                      .path = request.path,
                                                      .query = request.query,
                                                      .headers = headers,
                                                      .payload_sha256 = payload_sha256},
                                                     {.time = time, .region = region}, credentials);
    if (part(authorization, "Signature") != part(expected, "Signature"))
        return "SignatureDoesNotMatch";
    if (payload_sha256 != kUnsigned && payload_sha256 != sha256_hex(bytes_of(request.body)))
        return "XAmzContentSHA256Mismatch";
    return std::nullopt;
}

void sign_anew(WireRequest& request, const std::string& host, const std::string& region,
               const Credentials& credentials) {
    erase_field(request.fields, "authorization");
    erase_field(request.fields, "x-amz-security-token");
    const std::string time = sigv4_time(wall_s());
    const std::string payload_sha256 = sha256_hex(bytes_of(request.body));
    set_field(request.fields, "host", host);
    set_field(request.fields, "x-amz-date", time);
    set_field(request.fields, "x-amz-content-sha256", payload_sha256);
    HttpHeaders headers;
    for (const auto& [name, value] : request.fields)
        if (name == "host" || name.starts_with("x-amz-")) headers.push_back({name, value});
    set_field(request.fields, "authorization",
              sigv4_authorization({.method = request.method,
                                   .path = request.path,
                                   .query = request.query,
                                   .headers = headers,
                                   .payload_sha256 = payload_sha256},
                                  {.time = time, .region = region}, credentials));
}

}  // namespace dws
