// A store that points to another host: what leaves with the second request, and what does not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "experiments/fault_proxy/hub_stand_in.h"
#include "sync/bucket/bucket_hub.h"
#include "tests/s3/scripted_store.h"
#include "tests/s3/store.h"

namespace dws {
namespace {

constexpr ByteRange kAll{.offset = 0, .length = 1'000};

Reply pointer_to(const std::string& url) {
    return {.response = response_of(302, "", {{"location", url}})};
}

std::set<std::string> names_of(const WireFields& fields) {
    std::set<std::string> names;
    for (const auto& [name, value] : fields) names.insert(name);
    return names;
}

WireResponse whole_range(const std::string& body) {
    const std::string last = std::to_string(body.size() - 1);
    return response_of(206, body,
                       {{"content-range", "bytes 0-" + last + "/" + std::to_string(body.size())}});
}

TEST(Redirect, CarriesTheRangeAndNothingElse) {
    ScriptedStore edge(
        [](const WireRequest&, std::size_t) { return Reply{.response = whole_range("hello")}; });
    ScriptedStore store([&](const WireRequest&, std::size_t) {
        return pointer_to(edge.origin() + "/cdn/x?Signature=PRESIGNED");
    });
    const Result<Bytes> got = store.open()->get("a", kAll);
    ASSERT_TRUE(got) << got.error().detail;
    EXPECT_EQ(text_of(*got), "hello");
    const WireRequest asked = edge.requests().at(0);
    EXPECT_EQ(names_of(asked.fields),
              (std::set<std::string>{"accept", "host", "range", "user-agent"}));
    EXPECT_EQ(*find_field(asked.fields, "range"), "bytes=0-999");
    EXPECT_EQ(asked.query, "Signature=PRESIGNED");
}

TEST(Redirect, ARelativeOneStaysAtItsHostAndIsNotSignedEither) {
    ScriptedStore store([&](const WireRequest& request, std::size_t) {
        return request.path == "/elsewhere" ? Reply{.response = whole_range("x")}
                                            : pointer_to("/elsewhere");
    });
    EXPECT_EQ(text_of(*store.open()->get("a", kAll)), "x");
    EXPECT_EQ(find_field(store.requests().at(1).fields, "authorization"), nullptr);
}

TEST(Redirect, ACircleEnds) {
    ScriptedStore store([&](const WireRequest&, std::size_t) { return pointer_to("/again"); });
    EXPECT_EQ(store.open()->get("a", kAll).error().fault, Fault::transport);
    EXPECT_EQ(store.requests().size(), 4u);
}

TEST(Redirect, OtherProtocolsAreNotSpoken) {
    for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"}) {
        ScriptedStore store([&](const WireRequest&, std::size_t) { return pointer_to(url); });
        const Result<Bytes> got = store.open()->get("a", kAll);
        ASSERT_FALSE(got) << url;
        EXPECT_EQ(got.error().fault, Fault::transport) << url;
    }
}

TEST(Redirect, AnAddressThatHasRunOutIsAskedForAgain) {
    ScriptedStore edge([](const WireRequest&, std::size_t number) {
        return Reply{.response = number == 0 ? refusal_of(403, "AccessDenied") : whole_range("x")};
    });
    ScriptedStore store([&](const WireRequest&, std::size_t) {
        return pointer_to(edge.origin() + "/x?key=PRESIGNED");
    });
    const Error error = store.open()->get("a", kAll).error();
    EXPECT_EQ(error.fault, Fault::transport);
    EXPECT_EQ(error.detail.find("PRESIGNED"), std::string::npos) << error.detail;
    EXPECT_TRUE(store.open({.first_wait_ms = 1})->get("a", kAll));
}

TEST(Redirect, APutIsNotSentElsewhere) {
    ScriptedStore edge(
        [](const WireRequest&, std::size_t) { return Reply{.response = response_of(200)}; });
    ScriptedStore store([&](const WireRequest&, std::size_t) { return pointer_to(edge.origin()); });
    EXPECT_FALSE(store.open()->put("a", bytes_of("x")));
    EXPECT_FALSE(store.open()->put_if_absent("a", bytes_of("x")));
    EXPECT_TRUE(edge.requests().empty());
}

// The hub, read with a token.
class HubTest : public testing::Test {
protected:
    std::unique_ptr<Bucket> open(const ScriptedStore& hub) const {
        StorePlace place;
        place.origin = hub.origin();
        place.host = hub.origin().substr(7);
        place.prefix = "run/";
        return std::make_unique<BucketHub>(std::move(place),
                                           parse_bucket_uri("hf://buckets/me/models/run"),
                                           Secret("hf_TOPSECRET"), HttpOptions{}, PieceOptions{},
                                           RetryPolicy{.deadline_s = 0}, std::stop_token{});
    }
};

TEST_F(HubTest, ReadsWithTheTokenAndFollowsWithoutIt) {
    ScriptedStore edge(
        [](const WireRequest&, std::size_t) { return Reply{.response = whole_range("hello")}; });
    ScriptedStore hub([&](const WireRequest&, std::size_t) { return pointer_to(edge.origin()); });
    EXPECT_EQ(text_of(*open(hub)->get("log/0", kAll)), "hello");
    const WireRequest asked = hub.requests().at(0);
    EXPECT_EQ(asked.path, "/buckets/me/models/resolve/run/log/0");
    EXPECT_EQ(*find_field(asked.fields, "authorization"), "Bearer hf_TOPSECRET");
    EXPECT_EQ(names_of(edge.requests().at(0).fields),
              (std::set<std::string>{"accept", "host", "range", "user-agent"}));
}

TEST_F(HubTest, ListsOverPagesOfTheHubAlone) {
    ScriptedStore hub([](const WireRequest& request, std::size_t) {
        if (request.query.find("cursor") != std::string::npos)
            return Reply{.response = response_of(200, R"([{"type":"file","path":"run/log/1"}])")};
        return Reply{.response = response_of(
                         200, R"([{"type":"file","path":"run/log/0"},{"type":"file","path":"x"}])",
                         {{"link", "</api/next?cursor=1>; rel=\"next\""}})};
    });
    EXPECT_EQ(*open(hub)->list("log/", Listing::objects),
              (std::vector<std::string>{"log/0", "log/1"}));
    EXPECT_EQ(hub.requests().at(0).path, "/api/buckets/me/models/tree/run/log");
    EXPECT_EQ(hub.requests().at(0).query, "recursive=true");
}

TEST_F(HubTest, SaysWhatIsWrongWithoutTheToken) {
    for (const auto& [status, fault] :
         std::vector<std::pair<int, Fault>>{{401, Fault::untrusted},
                                            {403, Fault::untrusted},
                                            {404, Fault::missing},
                                            {429, Fault::transport},
                                            {500, Fault::transport}}) {
        ScriptedStore hub([&](const WireRequest&, std::size_t) {
            return Reply{.response = response_of(status, "you sent hf_TOPSECRET")};
        });
        const Error error = open(hub)->get("a", kAll).error();
        EXPECT_EQ(error.fault, fault) << status;
        EXPECT_EQ(error.detail.find("TOPSECRET"), std::string::npos) << error.detail;
    }
    ScriptedStore none([&](const WireRequest&, std::size_t) {
        return Reply{.response = response_of(404, "", {{"x-error-code", "RepoNotFound"}})};
    });
    EXPECT_EQ(open(none)->get("a", kAll).error().fault, Fault::untrusted);
}

TEST_F(HubTest, IsNotWritten) {
    ScriptedStore hub(
        [](const WireRequest&, std::size_t) { return Reply{.response = response_of(200)}; });
    EXPECT_EQ(open(hub)->put("a", {}).error().fault, Fault::untrusted);
    EXPECT_EQ(open(hub)->put_if_absent("a", {}).error().fault, Fault::untrusted);
    EXPECT_EQ(open(hub)->remove("a").error().fault, Fault::untrusted);
    EXPECT_TRUE(hub.requests().empty());
}

// Against a real S3 server behind the stand-in for the gateway.
class GatewayTest : public StoreTest {};

TEST_F(GatewayTest, AnHfBucketWorksThroughTheStandInAndLeaksNothing) {
    const std::string endpoint = variable("DWS_S3_ENDPOINT");
    if (endpoint.empty()) GTEST_SKIP() << "NOT TESTED: the stand-in needs a server of our own";
    // The bucket of the store plays the namespace, as the documentation allows.
    HubStandIn hub({"127.0.0.1", 0}, {.name_space = "me",
                                      .store = host_port(endpoint),
                                      .credentials = *find_credentials(process_environment())});
    const std::string origin = "http://127.0.0.1:" + std::to_string(hub.port());
    const std::string name = uri_.substr(5, uri_.find('/', 5) - 5);
    const auto bucket = open_bucket(
        "hf://buckets/me/" + name + "/hf-" + random_hex(8) + "?endpoint=" + origin, {}, {});
    const Bytes object = numbered_bytes(1'000'000);
    const Result<Done> put = bucket->put("run/a", object);
    ASSERT_TRUE(put) << put.error().detail;
    const Result<Bytes> got = bucket->get("run/a", {.offset = 5, .length = 2'000'000});
    ASSERT_TRUE(got) << got.error().detail;
    EXPECT_TRUE(*got == Bytes(object.begin() + 5, object.end()));
    const Result<Done> probed = probe_put_if_absent(*bucket, "run");
    EXPECT_TRUE(probed) << probed.error().detail;
    EXPECT_EQ(*bucket->list("run/", Listing::objects), (std::vector<std::string>{"run/a"}));
    EXPECT_EQ(bucket->get("none", kAll).error().fault, Fault::missing);
    EXPECT_TRUE(bucket->remove("run/a"));
    EXPECT_EQ(hub.leaks(), 0);
}

}  // namespace
}  // namespace dws
