#include "sync/bucket/bucket_uri.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace dws {
namespace {

std::string complaint_about(const std::string& uri) {
    try {
        (void)parse_bucket_uri(uri);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(BucketUri, NamesAFolder) {
    EXPECT_EQ(parse_bucket_uri("out/run").folder, "out/run");
    EXPECT_EQ(parse_bucket_uri("file:///dir/x").folder, "/dir/x");
    EXPECT_EQ(parse_bucket_uri("file:///dir/x").kind, BucketUri::Kind::folder);
}

TEST(BucketUri, NamesAStoreWithItsOptions) {
    const BucketUri uri = parse_bucket_uri(
        "s3://my-bucket/a/b/?endpoint=https%3A%2F%2Fhost:1/p&region=eu-1&style=path&ca=/c.pem");
    EXPECT_EQ(uri.kind, BucketUri::Kind::s3);
    EXPECT_EQ(uri.bucket, "my-bucket");
    EXPECT_EQ(uri.prefix, "a/b");
    EXPECT_EQ(uri.options.at("endpoint"), "https://host:1/p");
    EXPECT_EQ(uri.options.at("region"), "eu-1");
    EXPECT_EQ(uri.options.at("style"), "path");
    EXPECT_EQ(uri.options.at("ca"), "/c.pem");
}

TEST(BucketUri, NamesAHuggingFaceBucket) {
    const BucketUri uri = parse_bucket_uri("hf://buckets/me/models/run/1");
    EXPECT_EQ(uri.kind, BucketUri::Kind::hf);
    EXPECT_EQ(uri.name_space, "me");
    EXPECT_EQ(uri.bucket, "models");
    EXPECT_EQ(uri.prefix, "run/1");
}

TEST(BucketUri, AnEmptyPrefixIsNone) {
    EXPECT_EQ(parse_bucket_uri("s3://bucket").prefix, "");
    EXPECT_EQ(parse_bucket_uri("s3://bucket/").prefix, "");
    EXPECT_EQ(parse_bucket_uri("s3://bucket?region=x").prefix, "");
    EXPECT_EQ(parse_bucket_uri("hf://buckets/me/models").prefix, "");
}

TEST(BucketUri, RefusesWhatHasAnotherForm) {
    for (const char* uri :
         {"", "file://", "s3://", "s3:///prefix", "gs://bucket", "http://host/b",
          "hf://models/me/x", "hf://buckets/me", "hf://buckets//x", "s3://bucket/a//b",
          "s3://bucket/../x", "s3://bucket/a b", "s3://bucket?region",
          "s3://bucket?region=", "s3://bucket?region=%4", "s3://bucket?region=a&region=b"}) {
        EXPECT_NE(complaint_about(uri), "") << uri;
    }
}

TEST(BucketUri, NamesTheNearestOption) {
    const std::string complaint = complaint_about("s3://bucket?enpoint=https://host");
    EXPECT_NE(complaint.find("\"enpoint\""), std::string::npos) << complaint;
    EXPECT_NE(complaint.find("did you mean \"endpoint\""), std::string::npos) << complaint;
}

TEST(BucketUri, RepeatsNoCredentialsThatWerePutIntoIt) {
    for (const char* uri :
         {"s3://AKIAKEY:TOPSECRET@bucket/x", "s3://bucket?secret_key=TOPSECRET",
          "s3://bucket?TOPSECRET", "s3://bucket?style=a&style=TOPSECRET",
          "hf://TOPSECRET@buckets/a/b", "s3s://TOPSECRET@bucket", "s3://bucket/x:TOPSECRET"}) {
        const std::string complaint = complaint_about(uri);
        EXPECT_NE(complaint, "") << uri;
        EXPECT_EQ(complaint.find("TOPSECRET"), std::string::npos) << complaint;
    }
    EXPECT_NE(complaint_about("s3://a:b@bucket").find("AWS_ACCESS_KEY_ID"), std::string::npos);
}

}  // namespace
}  // namespace dws
