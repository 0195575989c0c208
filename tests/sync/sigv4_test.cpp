#include "sync/bucket/sigv4.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "sync/sha256.h"

namespace dws {
namespace {

// The examples of "Authenticating Requests: Using the Authorization Header (AWS Signature Version
// 4)", with the keys that stand there for everybody to see.
const Credentials kExampleKeys{Secret("AKIAIOSFODNN7EXAMPLE"),
                               Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), Secret()};
constexpr SigV4Scope kExampleScope{"20130524T000000Z", "us-east-1", "s3"};
const std::string kNothing = sha256_hex({});

HttpHeaders headers_of(HttpHeaders more, const std::string& sha256) {
    more.push_back({"host", "examplebucket.s3.amazonaws.com"});
    more.push_back({"x-amz-content-sha256", sha256});
    more.push_back({"x-amz-date", "20130524T000000Z"});
    return more;
}

std::string signature_of(const std::string& authorization) {
    return authorization.substr(authorization.find("Signature=") + 10);
}

std::string signed_get(const std::string& path, const std::string& query,
                       const HttpHeaders& headers) {
    return sigv4_authorization({"GET", path, query, headers, kNothing}, kExampleScope,
                               kExampleKeys);
}

TEST(SigV4, SignsTheExampleOfARangedGet) {
    const HttpHeaders headers = headers_of({{"range", "bytes=0-9"}}, kNothing);
    EXPECT_EQ(signed_get("/test.txt", "", headers),
              "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
              "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
              "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, SignsTheExampleOfAPut) {
    const std::string sha256 = sha256_hex(bytes_of("Welcome to Amazon S3."));
    const HttpHeaders headers = headers_of(
        {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
        sha256);
    const std::string authorization = sigv4_authorization(
        {"PUT", "/test%24file.text", "", headers, sha256}, kExampleScope, kExampleKeys);
    EXPECT_EQ(signature_of(authorization),
              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, SignsTheExampleOfAParameterWithoutValue) {
    EXPECT_EQ(signature_of(signed_get("/", "lifecycle=", headers_of({}, kNothing))),
              "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4, SignsTheExampleOfAListing) {
    EXPECT_EQ(signature_of(signed_get("/", "max-keys=2&prefix=J", headers_of({}, kNothing))),
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// The example of the general guide, of another service.
TEST(SigV4, SignsTheExampleOfAnotherService) {
    const Credentials keys{Secret("AKIDEXAMPLE"),
                           Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), Secret()};
    const HttpHeaders headers{{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                              {"host", "iam.amazonaws.com"},
                              {"x-amz-date", "20150830T123600Z"}};
    const std::string authorization =
        sigv4_authorization({"GET", "/", "Action=ListUsers&Version=2010-05-08", headers, kNothing},
                            {"20150830T123600Z", "us-east-1", "iam"}, keys);
    EXPECT_EQ(signature_of(authorization),
              "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(SigV4, WritesTheTimeOfTheExample) { EXPECT_EQ(sigv4_time(1369353600.7), "20130524T000000Z"); }

}  // namespace
}  // namespace dws
