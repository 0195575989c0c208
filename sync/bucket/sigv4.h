// Signature Version 4, by which a request proves that its sender holds the secret key without
// sending it (AWS, "Authenticating Requests: Using the Authorization Header"). A pure function.
#pragma once

#include <string>
#include <string_view>

#include "sync/bucket/credentials.h"
#include "sync/bucket/http_client.h"

namespace dws {

struct SigV4Request {
    std::string_view method;
    std::string_view path;   // exactly as it is sent: encoded, with a leading '/'
    std::string_view query;  // exactly as it is sent: encoded, sorted, without '?'
    // All of them are signed. Names in lower case; host, x-amz-date and x-amz-content-sha256 are
    // among them, and so is x-amz-security-token where there is one.
    const HttpHeaders& headers;
    std::string_view payload_sha256;  // hex
};

// Where and when a signature holds.
struct SigV4Scope {
    std::string_view time;  // "20130524T000000Z", as in x-amz-date
    std::string_view region;
    std::string_view service = "s3";
};

// The value of the Authorization header.
std::string sigv4_authorization(const SigV4Request& request, const SigV4Scope& scope,
                                const Credentials& credentials);

// Seconds since 1970 as the scope's time.
std::string sigv4_time(double unix_s);

}  // namespace dws
