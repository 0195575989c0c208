#include "sync/bucket/store_place.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

#include "tests/support/environment.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

StorePlace place_of(const std::string& uri, std::map<std::string, std::string> variables = {}) {
    return s3_place(parse_bucket_uri(uri), environment_of(std::move(variables)));
}

TEST(StorePlace, AwsIsAddressedByTheBucketsOwnHost) {
    const StorePlace place = place_of("s3://models/run?region=eu-west-1");
    EXPECT_EQ(place.origin, "https://models.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(place.host, "models.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(place.base_path, "");
    EXPECT_EQ(place.prefix, "run/");
    EXPECT_EQ(place.region, "eu-west-1");
}

TEST(StorePlace, ABucketWithDotsIsAddressedByPath) {
    const StorePlace place = place_of("s3://my.models?region=eu-west-1");
    EXPECT_EQ(place.host, "s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(place.base_path, "/my.models");
}

TEST(StorePlace, AnEndpointIsAddressedByPathUnlessToldOtherwise) {
    EXPECT_EQ(place_of("s3://b?endpoint=https://host:7/p/").base_path, "/p/b");
    EXPECT_EQ(place_of("s3://b?endpoint=https://host:7/p").origin, "https://host:7");
    const StorePlace by_host = place_of("s3://b?endpoint=https://host:7/p&style=virtual");
    EXPECT_EQ(by_host.host, "b.host:7");
    EXPECT_EQ(by_host.base_path, "/p");
}

TEST(StorePlace, TheUsualPortIsNotPartOfTheHost) {
    EXPECT_EQ(place_of("s3://b?endpoint=https://host:443").host, "host");
    EXPECT_EQ(place_of("s3://b?endpoint=http://127.0.0.1:80").host, "127.0.0.1");
    EXPECT_EQ(place_of("s3://b?endpoint=http://127.0.0.1:443").host, "127.0.0.1:443");
}

TEST(StorePlace, TheAddressComesBeforeTheEnvironmentAndThatBeforeTheFile) {
    const ScratchFolder scratch;
    const std::string file = (scratch / "config").string();
    std::ofstream(file) << "[default]\nregion = of-default\n[profile far]\nregion = of-far\n"
                           "endpoint_url = https://far\n s3 =\n   endpoint_url = https://nested\n";
    const std::map<std::string, std::string> far{{"AWS_CONFIG_FILE", file}, {"AWS_PROFILE", "far"}};
    EXPECT_EQ(place_of("s3://b", {{"AWS_CONFIG_FILE", file}}).region, "of-default");
    EXPECT_EQ(place_of("s3://b", far).host, "far");
    EXPECT_EQ(place_of("s3://b", far).region, "of-far");
    auto both = far;
    both["AWS_ENDPOINT_URL"] = "https://general";
    both["AWS_DEFAULT_REGION"] = "of-default-variable";
    EXPECT_EQ(place_of("s3://b", both).host, "general");
    EXPECT_EQ(place_of("s3://b", both).region, "of-default-variable");
    both["AWS_ENDPOINT_URL_S3"] = "https://special";
    both["AWS_REGION"] = "of-variable";
    EXPECT_EQ(place_of("s3://b", both).host, "special");
    EXPECT_EQ(place_of("s3://b", both).region, "of-variable");
    EXPECT_EQ(place_of("s3://b?endpoint=https://here&region=x", both).host, "here");
    EXPECT_EQ(place_of("s3://b?endpoint=https://here&region=x", both).region, "x");
}

TEST(StorePlace, WithoutEndpointARegionIsAskedFor) {
    EXPECT_THROW(place_of("s3://b"), std::runtime_error);
    EXPECT_EQ(place_of("s3://b?endpoint=https://host").region, "us-east-1");
}

TEST(StorePlace, PlainHttpIsForThisMachineAlone) {
    for (const char* host : {"127.0.0.1:1", "127.9.9.9", "localhost:7480", "[::1]:8"})
        EXPECT_EQ(place_of(std::string("s3://b?endpoint=http://") + host).host, host);
    for (const char* host : {"10.0.0.1:1", "127.evil.example", "example.org", "localhost.evil",
                             "[fe80::1]", "128.0.0.1"}) {
        const std::string uri = std::string("s3://b?endpoint=http://") + host;
        EXPECT_THROW(place_of(uri), std::runtime_error) << host;
        EXPECT_THROW(place_of(uri + "&insecure=false"), std::runtime_error) << host;
        EXPECT_EQ(place_of(uri + "&insecure=true").host, host);
    }
    EXPECT_THROW(place_of("s3://b?endpoint=http://10.0.0.1&insecure=yes"), std::runtime_error);
}

TEST(StorePlace, AnEndpointIsAnAddressAndNothingMore) {
    for (const char* endpoint :
         {"host", "ftp://host", "https://", "https://a:TOPSECRET@host",
          "https://host/a?x=TOPSECRET", "https://host/a%20b", "https://host/TOPSECRET TOPSECRET"}) {
        try {
            (void)place_of(std::string("s3://b?endpoint=") + endpoint);
            ADD_FAILURE() << endpoint;
        } catch (const std::runtime_error& error) {
            EXPECT_EQ(std::string(error.what()).find("TOPSECRET"), std::string::npos);
        }
    }
}

TEST(StorePlace, AStyleOfItsOwnIsRefused) {
    EXPECT_THROW(place_of("s3://b?endpoint=https://host&style=dns"), std::runtime_error);
}

TEST(StorePlace, AnAuthorityThatIsNotThereIsRefused) {
    EXPECT_THROW(place_of("s3://b?endpoint=https://host&ca=/none.pem"), std::runtime_error);
    EXPECT_THROW(place_of("s3://b?endpoint=https://host", {{"AWS_CA_BUNDLE", "/none.pem"}}),
                 std::runtime_error);
}

TEST(StorePlace, HuggingFaceIsAGatewayWithTheNamespaceInItsPath) {
    const StorePlace place = place_of("hf://buckets/me/models/run", {{"AWS_REGION", "elsewhere"}});
    EXPECT_EQ(place.origin, "https://s3.hf.co");
    EXPECT_EQ(place.base_path, "/me/models");
    EXPECT_EQ(place.prefix, "run/");
    EXPECT_EQ(place.region, "us-east-1");
    EXPECT_EQ(place_of("hf://buckets/me/models?endpoint=http://127.0.0.1:1").base_path,
              "/me/models");
    EXPECT_THROW(place_of("hf://buckets/me/models?style=virtual"), std::runtime_error);
}

TEST(StorePlace, TheHubIsFoundByItsVariable) {
    const BucketUri uri = parse_bucket_uri("hf://buckets/me/models/run");
    EXPECT_EQ(hub_place(uri, environment_of({})).origin, "https://huggingface.co");
    const StorePlace place = hub_place(uri, environment_of({{"HF_ENDPOINT", "https://mirror/x"}}));
    EXPECT_EQ(place.origin, "https://mirror");
    EXPECT_EQ(place.base_path, "/x");
    EXPECT_EQ(place.prefix, "run/");
}

}  // namespace
}  // namespace dws
