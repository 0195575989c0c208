#include "sync/bucket/sigv4.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "base/bytes.h"
#include "sync/sha256.h"

namespace dws {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string hmac_sha256(std::string_view key, std::string_view text) {
    unsigned char code[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), code,
             &length) == nullptr)
        throw std::runtime_error("OpenSSL on this machine does not provide HMAC-SHA-256");
    return {reinterpret_cast<const char*>(code), length};
}

std::string hex_of(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

HttpHeaders sorted(HttpHeaders headers) {
    std::ranges::sort(headers, {}, &HttpHeader::name);
    return headers;
}

std::string names_of(const HttpHeaders& headers) {
    std::string names;
    for (const HttpHeader& header : headers) names += (names.empty() ? "" : ";") + header.name;
    return names;
}

std::string canonical_request(const SigV4Request& request, const HttpHeaders& headers) {
    std::string lines;
    for (const HttpHeader& header : headers) lines += header.name + ':' + header.value + '\n';
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, request.query, lines,
                       names_of(headers), request.payload_sha256);
}

}  // namespace

std::string sigv4_authorization(const SigV4Request& request, const SigV4Scope& scope,
                                const Credentials& credentials) {
    const HttpHeaders headers = sorted(request.headers);
    const std::string_view day = scope.time.substr(0, 8);
    const std::string place =
        fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
    const std::string canonical = canonical_request(request, headers);
    const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, scope.time, place,
                                            sha256_hex(bytes_of(canonical)));
    std::string key = "AWS4" + credentials.secret_key.reveal();
    for (const std::string_view part : {day, scope.region, scope.service})
        key = hmac_sha256(key, part);
    key = hmac_sha256(key, "aws4_request");
    return fmt::format("{} Credential={}/{},SignedHeaders={},Signature={}", kAlgorithm,
                       credentials.access_key_id.reveal(), place, names_of(headers),
                       hex_of(hmac_sha256(key, to_sign)));
}

std::string sigv4_time(double unix_s) {
    const auto seconds = static_cast<std::time_t>(unix_s);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace dws
