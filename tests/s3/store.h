// The S3 store that these tests run against: whatever DWS_S3_URI names. ctest starts one for them
// (experiments/s3_server); by hand: experiments/s3_server/with_s3.sh build/bin/s3_tests, or with
// keys of a store of one's own, DWS_S3_URI=hf://buckets/NAMESPACE/NAME build/bin/s3_tests. Each
// test works under a prefix of its own and removes what it wrote.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "sync/bucket/bucket.h"
#include "sync/bucket/bucket_s3.h"
#include "sync/sha256.h"

namespace dws {

inline std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// The address with `prefix` after whatever prefix it has.
inline std::string with_prefix(const std::string& uri, const std::string& prefix) {
    const std::size_t question = std::min(uri.find('?'), uri.size());
    return uri.substr(0, question) + "/" + prefix + uri.substr(question);
}

class StoreTest : public testing::Test {
protected:
    void SetUp() override {
        if (variable("DWS_S3_URI").empty())
            GTEST_SKIP() << "NOT TESTED: there is no S3 store; start the tests through "
                            "experiments/s3_server/with_s3.sh, or set DWS_S3_URI and AWS_* keys";
        uri_ = with_prefix(variable("DWS_S3_URI"), "test-" + random_hex(8));
    }

    void TearDown() override {
        if (uri_.empty()) return;
        const auto bucket = open_bucket(uri_, {}, {});
        const auto keys = bucket->list("", Listing::objects);
        ASSERT_TRUE(keys) << keys.error().detail;
        for (const std::string& key : *keys) EXPECT_TRUE(bucket->remove(key));
    }

    std::unique_ptr<Bucket> open(RetryPolicy retry = {}) const {
        return open_bucket(uri_, retry, {});
    }

    // With limits that small objects reach.
    std::unique_ptr<Bucket> open_with(S3Options options) const {
        const Environment environment = process_environment();
        StorePlace place = s3_place(parse_bucket_uri(uri_), environment);
        options.http.ca_file = place.ca_file;
        return std::make_unique<BucketS3>(std::move(place), *find_credentials(environment),
                                          std::move(options), RetryPolicy{}, std::stop_token{},
                                          BucketAccess::write);
    }

    std::string uri_;
};

// Bytes that say where they stand, so that a piece in another place shows.
inline Bytes numbered_bytes(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t at = 0; at < size; ++at)
        bytes[at] = static_cast<std::byte>((at * 2'654'435'761u) >> 13);
    return bytes;
}

}  // namespace dws
