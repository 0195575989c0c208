// No credential in anything that a failing run says: every way to fail that a store of our own, or
// a program that uses it, can be brought to, and a search through all that came out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>

#include "tests/s3/scripted_store.h"
#include "tests/s3/store.h"
#include "tests/support/command.h"

namespace dws {
namespace {

constexpr ByteRange kAll{.offset = 0, .length = 1'000};

void expect_nothing_secret(const std::string& text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets)
        EXPECT_EQ(text.find(secret), std::string::npos) << "a credential stands in: " << text;
}

// All errors of all calls, as a program would print them.
std::string said_by(Bucket& bucket) {
    std::string said;
    const auto add = [&](const auto& result) {
        if (!result) said += final_line(result.error()) + "\n";
    };
    add(bucket.put("a", bytes_of("x")));
    add(bucket.put_if_absent("b", bytes_of("x")));
    add(bucket.get("a", kAll));
    add(bucket.list("", Listing::objects));
    add(bucket.remove("a"));
    return said;
}

const std::vector<std::string> kScriptedSecrets{"AKIATESTKEYID", "very-secret-key",
                                                "session-token"};

TEST(Secrets, AStoreThatRepeatsThemIsNotQuoted) {
    for (const int status : {200, 301, 400, 403, 404, 409, 412, 429, 500, 501, 503}) {
        ScriptedStore store([&](const WireRequest& request, std::size_t) {
            std::string everything;
            for (const auto& [name, value] : request.fields) everything += name + ":" + value + " ";
            everything += "very-secret-key";
            return Reply{.response = response_of(
                             status,
                             "<Error><Code>" + everything + "</Code><Message>" + everything +
                                 "</Message><AWSAccessKeyId>AKIATESTKEYID</AWSAccessKeyId>"
                                 "<StringToSign>" +
                                 everything + "</StringToSign></Error>",
                             {{"x-amz-bucket-region", everything}})};
        });
        expect_nothing_secret(said_by(*store.open()), kScriptedSecrets);
    }
}

class SecretsTest : public StoreTest {
protected:
    void TearDown() override {}  // nothing is written

    // What the tool says, with other keys than the right ones.
    std::string said_by_tool(const std::string& uri, const std::string& keys) const {
        std::string said;
        for (const char* verb : {"log", "verify", "pull", "gc"}) {
            const std::string out = std::string_view(verb) == "pull" ? " nowhere" : "";
            const Answer answer = call_command(keys + " timeout 60 " + BINARY_ROOT "/dws " + verb +
                                               " --bucket '" + uri + "' --run none" + out);
            EXPECT_NE(answer.status, 0) << verb;
            EXPECT_FALSE(answer.text.empty()) << verb;
            said += answer.text;
        }
        return said;
    }
};

TEST_F(SecretsTest, WrongKeysAreNotShown) {
    const std::string keys = "AWS_ACCESS_KEY_ID=" + variable("AWS_ACCESS_KEY_ID") +
                             " AWS_SECRET_ACCESS_KEY=WRONGSECRETKEY";
    const std::string said = said_by_tool(uri_, keys);
    EXPECT_NE(said.find("403"), std::string::npos) << said;
    EXPECT_NE(said.find("check the keys"), std::string::npos) << said;
    expect_nothing_secret(
        said, {"WRONGSECRETKEY", variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")});
}

TEST_F(SecretsTest, AnUnknownKeyIsNotShown) {
    const std::string said =
        said_by_tool(uri_,
                     "AWS_ACCESS_KEY_ID=AKIANOBODYKNOWS AWS_SECRET_ACCESS_KEY=WRONGSECRETKEY "
                     "AWS_SESSION_TOKEN=WRONGSESSIONTOKEN");
    EXPECT_NE(said.find("HTTP 40"), std::string::npos) << said;
    expect_nothing_secret(said, {"AKIANOBODYKNOWS", "WRONGSECRETKEY", "WRONGSESSIONTOKEN"});
}

TEST_F(SecretsTest, AnEndpointWhereNobodyIsShowsNothing) {
    const auto bucket =
        open_bucket("s3://bucket?endpoint=http://127.0.0.1:1", {.deadline_s = 0.1}, {});
    const std::string said = said_by(*bucket);
    EXPECT_NE(said.find("127.0.0.1:1"), std::string::npos) << said;
    expect_nothing_secret(said, {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")});
}

TEST_F(SecretsTest, ABucketThatIsNotThereIsNamed) {
    if (!uri_.starts_with("s3://")) GTEST_SKIP() << "NOT TESTED: only s3:// has other buckets";
    const std::size_t question = uri_.find('?');
    const std::string said = said_by_tool(
        "s3://no-such-bucket-here" + (question == std::string::npos ? "" : uri_.substr(question)),
        "");
    EXPECT_NE(said.find("no-such-bucket-here"), std::string::npos) << said;
    expect_nothing_secret(said, {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")});
}

TEST_F(SecretsTest, AServerThatNobodyVouchesForIsNotSpokenTo) {
    const std::string uri = variable("DWS_S3_TLS_URI");
    if (uri.empty()) GTEST_SKIP() << "NOT TESTED: DWS_S3_TLS_URI names no store with TLS";
    const std::size_t authority = uri.find("&ca=");
    ASSERT_NE(authority, std::string::npos);
    const std::string said = said_by_tool(uri.substr(0, authority), "env -u AWS_CA_BUNDLE");
    EXPECT_NE(said.find("ca=FILE"), std::string::npos) << said;
    EXPECT_NE(said.find("certificate"), std::string::npos) << said;
    expect_nothing_secret(said, {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")});
}

TEST(Credentials, ATokenAloneDoesNotWrite) {
    const Answer answer = call_command("env -i HF_TOKEN=hf_TOPSECRET " BINARY_ROOT
                                       "/dws compact --bucket hf://buckets/me/models --run none");
    EXPECT_TRUE(answer.has("HF_TOKEN only reads")) << answer.text;
    EXPECT_TRUE(answer.has("AWS_SECRET_ACCESS_KEY")) << answer.text;
    EXPECT_NE(answer.status, 0);
    expect_nothing_secret(answer.text, {"TOPSECRET"});
}

TEST(Credentials, NoneAtAllSaysWhatToSet) {
    const Answer answer = call_command("env -i " BINARY_ROOT
                                       "/dws log --bucket 's3://models?region=eu-1' --run none");
    EXPECT_NE(answer.status, 0);
    EXPECT_TRUE(answer.has("AWS_ACCESS_KEY_ID")) << answer.text;
}

}  // namespace
}  // namespace dws
