#include "sync/bucket/bucket_uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "sync/bucket/bucket.h"
#include "sync/bucket/percent.h"

namespace dws {

namespace {

constexpr std::string_view kFileScheme = "file://";
constexpr std::string_view kS3Scheme = "s3://";
constexpr std::string_view kHfScheme = "hf://";
constexpr std::string_view kHfBuckets = "buckets/";
constexpr std::array<std::string_view, 5> kOptions{"endpoint", "region", "style", "ca", "insecure"};

// The letters that must be changed, added or dropped to make one word of the other.
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[to.size()];
}

// Only letters of a name: whatever was put there by mistake is not repeated.
[[noreturn]] void refuse_option(std::string_view name) {
    const auto* nearest = std::ranges::min_element(
        kOptions, {}, [&](std::string_view option) { return distance(name, option); });
    const bool is_word =
        name.size() <= 32 && std::ranges::all_of(name, [](char letter) {
            return (letter >= 'a' && letter <= 'z') || letter == '_' || letter == '-';
        });
    std::string known;
    for (const std::string_view each : kOptions) known += fmt::format(" {}", each);
    throw std::runtime_error(fmt::format(
        "the bucket's address has an unknown option{}; did you mean \"{}\"? There are:{}",
        is_word ? fmt::format(" \"{}\"", name) : "", *nearest, known));
}

void read_option(std::string_view text, std::map<std::string, std::string>& options) {
    const std::size_t equals = text.find('=');
    const std::string name(text.substr(0, equals));
    if (std::ranges::find(kOptions, name) == kOptions.end()) refuse_option(name);
    const auto value =
        equals == std::string_view::npos ? std::nullopt : percent_decode(text.substr(equals + 1));
    if (!value || value->empty())
        throw std::runtime_error(
            fmt::format("option {} of the bucket's address has no value", name));
    if (!options.emplace(name, *value).second)
        throw std::runtime_error(
            fmt::format("option {} of the bucket's address is there twice", name));
}

std::map<std::string, std::string> read_options(std::string_view query) {
    std::map<std::string, std::string> options;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        read_option(query.substr(0, end), options);
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return options;
}

// Takes what stands before the next '/', and that too.
std::string take_name(std::string_view& path) {
    const std::size_t end = std::min(path.find('/'), path.size());
    std::string name(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
    return name;
}

std::string read_prefix(std::string_view path) {
    while (path.ends_with('/')) path.remove_suffix(1);
    if (!path.empty() && !is_valid_key(path))
        throw std::runtime_error(
            "the prefix in the bucket's address is not names of letters, digits, '.', '_' and '-' "
            "between single slashes");
    return std::string(path);
}

void check_name(const std::string& name, std::string_view form) {
    if (name.find('/') != std::string::npos || !is_valid_key(name))
        throw std::runtime_error(fmt::format("the bucket's address has not the form {}", form));
}

BucketUri read_remote(std::string_view rest, BucketUri::Kind kind) {
    const std::size_t question = std::min(rest.find('?'), rest.size());
    std::string_view path = rest.substr(0, question);
    if (path.find('@') != std::string_view::npos)
        throw std::runtime_error(
            "the bucket's address holds credentials; put them into the environment "
            "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and make new ones");
    BucketUri uri;
    uri.kind = kind;
    if (kind == BucketUri::Kind::hf) {
        constexpr std::string_view form = "hf://buckets/NAMESPACE/NAME/PREFIX";
        if (!path.starts_with(kHfBuckets)) check_name("", form);
        path.remove_prefix(kHfBuckets.size());
        uri.name_space = take_name(path);
        check_name(uri.name_space, form);
        uri.bucket = take_name(path);
        check_name(uri.bucket, form);
    } else {
        uri.bucket = take_name(path);
        check_name(uri.bucket, "s3://BUCKET/PREFIX");
    }
    uri.prefix = read_prefix(path);
    uri.options = read_options(rest.substr(std::min(question + 1, rest.size())));
    return uri;
}

}  // namespace

BucketUri parse_bucket_uri(const std::string& uri) {
    const std::string_view text = uri;
    if (text.starts_with(kS3Scheme))
        return read_remote(text.substr(kS3Scheme.size()), BucketUri::Kind::s3);
    if (text.starts_with(kHfScheme))
        return read_remote(text.substr(kHfScheme.size()), BucketUri::Kind::hf);
    BucketUri folder;
    folder.folder = text.starts_with(kFileScheme) ? uri.substr(kFileScheme.size()) : uri;
    if (folder.folder.empty() || folder.folder.find("://") != std::string::npos) {
        throw std::runtime_error(
            "the bucket's address is none of: a folder, file:///folder, s3://BUCKET/PREFIX, "
            "hf://buckets/NAMESPACE/NAME/PREFIX");
    }
    return folder;
}

}  // namespace dws
