#include "sync/bucket/store_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <stdexcept>

#include "sync/bucket/credentials.h"
#include "sync/bucket/percent.h"

namespace dws {

namespace {

constexpr std::string_view kHfGateway = "https://s3.hf.co";
constexpr std::string_view kHub = "https://huggingface.co";
constexpr std::string_view kUsualRegion = "us-east-1";  // what stores without regions sign with

struct Endpoint {
    std::string scheme;  // "https://"
    std::string host;    // with its port
    std::string path;    // "" or "/..." without '/' at its end
};

std::string option(const BucketUri& uri, const std::string& name) {
    const auto found = uri.options.find(name);
    return found == uri.options.end() ? "" : found->second;
}

std::string first_of(std::initializer_list<std::string> values) {
    for (const std::string& value : values)
        if (!value.empty()) return value;
    return "";
}

// Letters that cannot lead out of the part of an address in which they stand.
bool is_plain(std::string_view text, std::string_view more) {
    return std::ranges::all_of(text, [&](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' ||
               letter == '_' || more.find(letter) != std::string_view::npos;
    });
}

// The port that goes without saying is not said: libcurl leaves it out of the Host header too.
std::string without_usual_port(const std::string& scheme, std::string host) {
    const std::string_view usual = scheme == "https://" ? ":443" : ":80";
    if (host.ends_with(usual)) host.resize(host.size() - usual.size());
    return host;
}

Endpoint parse_endpoint(const std::string& text) {
    Endpoint endpoint;
    for (const std::string_view scheme : {"https://", "http://"})
        if (text.starts_with(scheme)) endpoint.scheme = scheme;
    const std::string rest = text.substr(endpoint.scheme.size());
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    endpoint.host = without_usual_port(endpoint.scheme, rest.substr(0, slash));
    endpoint.path = rest.substr(slash);
    while (endpoint.path.ends_with('/')) endpoint.path.pop_back();
    // The text is not repeated: user information in it would be.
    if (endpoint.scheme.empty() || endpoint.host.empty() || !is_plain(endpoint.host, ":[]") ||
        !is_plain(endpoint.path, "/~"))
        throw std::runtime_error(
            "the endpoint of the bucket's address has not the form https://HOST:PORT/PATH");
    return endpoint;
}

bool is_allowed(const BucketUri& uri, const std::string& name) {
    const std::string value = first_of({option(uri, name), "false"});
    if (value != "true" && value != "false")
        throw std::runtime_error(
            fmt::format("option {} of the bucket's address is true or false", name));
    return value == "true";
}

void check_plain_http(const BucketUri& uri, const Endpoint& endpoint) {
    const bool may_be_plain = is_allowed(uri, "insecure");
    if (endpoint.scheme == "https://" || is_loopback(endpoint.host) || may_be_plain) return;
    throw std::runtime_error(fmt::format(
        "the endpoint http://{} is on another machine and without TLS: use https:// (with ca=FILE "
        "for an authority of your own), or insecure=true where nobody else is on the line",
        endpoint.host));
}

std::string ca_file(const BucketUri& uri, const Environment& environment) {
    const std::string file = first_of({option(uri, "ca"), environment("AWS_CA_BUNDLE")});
    if (!file.empty() && !std::filesystem::is_regular_file(file))
        throw std::runtime_error(
            fmt::format("there is no file {} with the authority of the endpoint (ca)", file));
    return file;
}

std::string region_of(const BucketUri& uri, const Environment& environment) {
    const std::string region =
        first_of({option(uri, "region"), environment("AWS_REGION"),
                  environment("AWS_DEFAULT_REGION"), profile_setting(environment, "region")});
    if (!is_plain(region, ""))
        throw std::runtime_error("the region of the bucket's address is not a region's name");
    return region;
}

bool is_virtual(const BucketUri& uri, bool is_usual) {
    const std::string style = first_of({option(uri, "style"), is_usual ? "virtual" : "path"});
    if (style != "virtual" && style != "path")
        throw std::runtime_error("option style of the bucket's address is path or virtual");
    return style == "virtual";
}

// Both styles of S3: the bucket as a part of the path, or of the host's name.
StorePlace placed(const BucketUri& uri, const Endpoint& endpoint, bool is_bucket_in_host) {
    StorePlace place;
    const std::string bucket = percent_encode(uri.bucket);
    place.host = is_bucket_in_host ? bucket + "." + endpoint.host : endpoint.host;
    place.origin = endpoint.scheme + place.host;
    place.base_path = is_bucket_in_host ? endpoint.path : endpoint.path + "/" + bucket;
    place.bucket = uri.bucket;
    place.prefix = uri.prefix.empty() ? "" : uri.prefix + "/";
    return place;
}

StorePlace gateway_place(const BucketUri& uri, const Environment& environment) {
    if (option(uri, "style") == "virtual")
        throw std::runtime_error("hf:// buckets are addressed by path: leave style out");
    Endpoint endpoint =
        parse_endpoint(first_of({option(uri, "endpoint"), std::string(kHfGateway)}));
    endpoint.path += "/" + percent_encode(uri.name_space);
    check_plain_http(uri, endpoint);
    StorePlace place = placed(uri, endpoint, false);
    place.region = first_of({option(uri, "region"), std::string(kUsualRegion)});
    place.ca_file = ca_file(uri, environment);
    return place;
}

}  // namespace

bool is_loopback(std::string_view host) {
    if (host.starts_with("[")) return host.starts_with("[::1]");
    const std::string_view name = host.substr(0, host.find(':'));
    const bool is_number = std::ranges::all_of(
        name, [](char letter) { return (letter >= '0' && letter <= '9') || letter == '.'; });
    return name == "localhost" || (is_number && name.starts_with("127."));
}

StorePlace s3_place(const BucketUri& uri, const Environment& environment) {
    if (uri.kind == BucketUri::Kind::hf) return gateway_place(uri, environment);
    const std::string region = region_of(uri, environment);
    const std::string named =
        first_of({option(uri, "endpoint"), environment("AWS_ENDPOINT_URL_S3"),
                  environment("AWS_ENDPOINT_URL"), profile_setting(environment, "endpoint_url")});
    if (named.empty() && region.empty())
        throw std::runtime_error(
            "the bucket's address names no endpoint and no region: add ?endpoint=https://HOST or "
            "?region=REGION, or set AWS_ENDPOINT_URL_S3 or AWS_REGION");
    const Endpoint endpoint =
        parse_endpoint(named.empty() ? fmt::format("https://s3.{}.amazonaws.com", region) : named);
    check_plain_http(uri, endpoint);
    // A bucket with dots in its name is no single label: AWS's certificate does not cover it.
    const bool is_one_label = uri.bucket.find('.') == std::string::npos;
    StorePlace place = placed(uri, endpoint, is_virtual(uri, named.empty() && is_one_label));
    place.region = first_of({region, std::string(kUsualRegion)});
    place.ca_file = ca_file(uri, environment);
    return place;
}

StorePlace hub_place(const BucketUri& uri, const Environment& environment) {
    const Endpoint endpoint =
        parse_endpoint(first_of({environment("HF_ENDPOINT"), std::string(kHub)}));
    check_plain_http(uri, endpoint);
    StorePlace place = placed(uri, endpoint, false);
    place.base_path = endpoint.path;
    place.ca_file = ca_file(uri, environment);
    return place;
}

}  // namespace dws
