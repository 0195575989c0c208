// The misbehaving store misbehaves as told, and otherwise passes on what it gets.
#include "experiments/fault_proxy/fault_proxy.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "experiments/fault_proxy/hub_stand_in.h"
#include "experiments/fault_proxy/signed_request.h"

namespace dws {
namespace {

const HostPort kAnywhere{"127.0.0.1", 0};

// A store in memory behind a real port: PUT, GET, HEAD, and a listing of all keys.
class TinyStore {
public:
    HostPort place() const { return {"127.0.0.1", server_.port()}; }
    std::size_t requests() {
        const std::lock_guard lock(mutex_);
        return requests_.size();
    }
    WireRequest last() {
        const std::lock_guard lock(mutex_);
        return requests_.back();
    }

private:
    Reply answer(const WireRequest& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        Reply reply{.response = {.status = 200, .reason = "OK", .fields = {}, .body = {}}};
        if (request.method == "PUT") {
            objects_[request.path] = request.body;
        } else if (request.query.find("list-type") != std::string::npos) {
            for (const auto& [path, body] : objects_)
                reply.response.body += "<Contents><Key>" + path.substr(5) + "</Key></Contents>";
            reply.response.body += "<CommonPrefixes><Prefix>run/new/</Prefix></CommonPrefixes>";
        } else if (!objects_.contains(request.path)) {
            reply.response = {.status = 404, .reason = "Not Found", .fields = {}, .body = {}};
        } else {
            reply.response.body = objects_[request.path];
        }
        return reply;
    }

    std::mutex mutex_;
    std::map<std::string, std::string> objects_;  // guarded by mutex_
    std::vector<WireRequest> requests_;           // guarded by mutex_
    HttpServer server_{kAnywhere, [this](WireRequest request, auto) { return answer(request); }};
};

WireRequest put(const std::string& path, std::string body) {
    return {.method = "PUT",
            .path = path,
            .query = {},
            .fields = {{"host", "told.by:1"}},
            .body = std::move(body)};
}
WireRequest get(const std::string& path, const std::string& query = "") {
    return {.method = "GET",
            .path = path,
            .query = query,
            .fields = {{"host", "told.by:1"}},
            .body = {}};
}

// One request over a connection of its own.
Result<WireResponse> ask(int port, const WireRequest& request) {
    Result<Connection> connection = Connection::open({"127.0.0.1", port}, {});
    if (!connection) return connection.error();
    if (!connection->write(wire_form(request))) return Error{Fault::transport, "not sent"};
    return MessageReader(*connection).response(request.method);
}

class FaultProxyTest : public testing::Test {
protected:
    FaultProxyTest() { EXPECT_EQ(status(put("/dws/run/a", kBody)), 200); }

    void plan(const std::string& text) { proxy.dice().set(*parse_fault_plan(text)); }
    // 0: no answer, or half of one.
    int status(const WireRequest& request) {
        const Result<WireResponse> response = ask(proxy.port(), request);
        return response ? response->status : 0;
    }

    const std::string kBody = std::string(300'000, 'x');
    TinyStore store;
    FaultProxy proxy{kAnywhere, store.place(), 1};
};

TEST_F(FaultProxyTest, PassesRequestsOnAsTheyAre) {
    EXPECT_EQ(store.last().body, kBody);
    EXPECT_EQ(*find_field(store.last().fields, "host"), "told.by:1");
    const Result<WireResponse> got = ask(proxy.port(), get("/dws/run/a"));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, kBody);
    EXPECT_EQ(status(get("/dws/run/b")), 404);
}

TEST_F(FaultProxyTest, RefusalsNeverReachTheStore) {
    const std::size_t before = store.requests();
    const std::map<std::string, int> refusals{
        {"error_500", 500}, {"busy_503", 503}, {"throttled_429", 429}};
    for (const auto& [name, expected] : refusals) {
        plan(name + "=1&retry_after_s=3");
        const Result<WireResponse> got = ask(proxy.port(), get("/dws/run/a"));
        ASSERT_TRUE(got);
        EXPECT_EQ(got->status, expected);
        const std::string* wait = find_field(got->fields, "retry-after");
        EXPECT_EQ(wait == nullptr ? "" : *wait, expected == 500 ? "" : "3");
    }
    EXPECT_EQ(store.requests(), before);
}

TEST_F(FaultProxyTest, ABodyIsCutOrResetInItsMiddle) {
    for (const char* fault : {"truncated=1", "reset=1"}) {
        plan(fault);
        Result<Connection> connection = Connection::open({"127.0.0.1", proxy.port()}, {});
        ASSERT_TRUE(connection);
        ASSERT_TRUE(connection->write(wire_form(get("/dws/run/a"))));
        std::string bytes;
        while (connection->read_more(bytes)) continue;
        EXPECT_LT(bytes.size(), kBody.size()) << fault;
    }
}

TEST_F(FaultProxyTest, ALostAnswerIsDoneAllTheSame) {
    plan("lost_answer=1");
    EXPECT_EQ(status(put("/dws/run/lost", "kept")), 0);
    plan("");
    EXPECT_EQ(ask(proxy.port(), get("/dws/run/lost"))->body, "kept");
}

TEST_F(FaultProxyTest, ASlowBodyTakesItsTime) {
    plan("slow=1&slow_bytes_per_s=1000000");
    const Stopwatch watch;
    const Result<WireResponse> got = ask(proxy.port(), get("/dws/run/a"));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, kBody);
    EXPECT_GE(watch.seconds(), 0.2);  // 300 kB at 1 MB/s
}

TEST_F(FaultProxyTest, AStaleListLacksWhatIsNew) {
    EXPECT_EQ(status(put("/dws/run/new/b", "b")), 200);
    plan("stale_list=1&stale_s=3600");
    EXPECT_EQ(ask(proxy.port(), get("/dws", "list-type=2"))->body, "");
    plan("stale_list=1&stale_s=0");
    EXPECT_EQ(ask(proxy.port(), get("/dws", "list-type=2"))->body,
              "<Contents><Key>run/a</Key></Contents><Contents><Key>run/new/b</Key></Contents>"
              "<CommonPrefixes><Prefix>run/new/</Prefix></CommonPrefixes>");
    EXPECT_EQ(status(get("/dws/run/a")), 200) << "only a listing is stale";
}

TEST_F(FaultProxyTest, OnlyWhatIsNamedMeetsAFault) {
    plan("error_500=1&only=/log/");
    EXPECT_EQ(status(get("/dws/run/a")), 200);
    EXPECT_EQ(status(get("/dws/run/log/0")), 500);
}

TEST_F(FaultProxyTest, AStoreThatIsNotThereAnswersNothing) {
    FaultProxy alone(kAnywhere, {"127.0.0.1", 1}, 1);
    EXPECT_FALSE(ask(alone.port(), get("/dws/run/a")));
}

TEST_F(FaultProxyTest, TheControlChangesThePlanAndCounts) {
    ProxyControl control(kAnywhere, proxy.dice());
    WireRequest change = put("/faults", "");
    change.query = "error_500=1";
    EXPECT_EQ(ask(control.port(), change)->status, 200);
    EXPECT_EQ(status(get("/dws/run/a")), 500);
    EXPECT_EQ(ask(control.port(), get("/counts"))->body, "none 1\nerror_500 1\n");
    change.query = "eror_500=1";
    EXPECT_EQ(ask(control.port(), change)->status, 400);
}

TEST(FaultPlan, SaysWhatIsNone) {
    for (const char* text : {"slow", "slow=x", "slow=-1", "fast=1", "slow=0.6&reset=0.6",
                             "slow_bytes_per_s=0", "slow=nan"})
        EXPECT_FALSE(parse_fault_plan(text)) << text;
    EXPECT_TRUE(parse_fault_plan("slow=0.5&reset=0.5&only=/log/&stale_s=2"));
}

TEST(FaultPlan, OneSeedGivesOneRowOfFaults) {
    const auto row = [](std::uint64_t seed) {
        FaultDice dice(seed);
        dice.set(*parse_fault_plan("reset=0.3&slow=0.3"));
        std::string text;
        for (int request = 0; request < 50; ++request)
            text += std::string(name_of(dice.draw("/", false))) + " ";
        return text;
    };
    EXPECT_EQ(row(1), row(1));
    EXPECT_NE(row(1), row(2));
}

TEST(MessageReader, ChunksBecomeOneBody) {
    Listener listener(kAnywhere);
    Result<Connection> client = Connection::open({"127.0.0.1", listener.port()}, {});
    ASSERT_TRUE(client);
    std::optional<Connection> server = listener.accept({});
    ASSERT_TRUE(
        server->write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"));
    const Result<WireResponse> response = MessageReader(*client).response("GET");
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "abcde");
}

TEST(MessageReader, WhatIsNoHttpIsRefused) {
    for (const char* text :
         {"hello\r\n\r\n", "GET x HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
          "GET / HTTP/1.1\r\nno field\r\n\r\n", "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          "PUT / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
          "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        Listener listener(kAnywhere);
        Result<Connection> client = Connection::open({"127.0.0.1", listener.port()}, {});
        ASSERT_TRUE(client);
        std::optional<Connection> server = listener.accept({});
        ASSERT_TRUE(client->write(text));
        const Result<WireRequest> request = MessageReader(*server).request();
        ASSERT_FALSE(request) << text;
        EXPECT_EQ(request.error().fault, Fault::corrupt) << text;
    }
}

class HubStandInTest : public testing::Test {
protected:
    const Credentials keys{.access_key_id = Secret("HFAKtest"),
                           .secret_key = Secret("not a secret"),
                           .session_token = Secret()};
    TinyStore store;
    HubStandIn hub{kAnywhere,
                   {.name_space = "people", .store = store.place(), .credentials = keys}};

    Result<WireResponse> ask_signed(WireRequest request) {
        sign_anew(request, "127.0.0.1", "us-east-1", keys);
        return ask(hub.port(), request);
    }
};

TEST_F(HubStandInTest, RequestsAreSignedWithTheOutsidePath) {
    EXPECT_EQ(ask_signed(put("/people/dws/a", "body"))->status, 200);
    EXPECT_EQ(store.last().path, "/dws/a");
    WireRequest inside = put("/dws/a", "body");
    sign_anew(inside, "127.0.0.1", "us-east-1", keys);
    inside.path = "/people/dws/a";
    EXPECT_EQ(ask(hub.port(), inside)->status, 403);
    EXPECT_EQ(ask(hub.port(), put("/people/dws/a", "body"))->status, 403) << "no signature";
    EXPECT_EQ(ask_signed(put("/others/dws/a", "body"))->status, 404);
}

TEST_F(HubStandInTest, AChangedBodyOrAnOldTimeIsRefused) {
    WireRequest changed = put("/people/dws/a", "body");
    sign_anew(changed, "127.0.0.1", "us-east-1", keys);
    changed.body = "bode";
    EXPECT_NE(ask(hub.port(), changed)->body.find("XAmzContentSHA256Mismatch"), std::string::npos);
    set_field(changed.fields, "x-amz-date", "20200101T000000Z");
    EXPECT_NE(ask(hub.port(), changed)->body.find("RequestTimeTooSkewed"), std::string::npos);
}

TEST_F(HubStandInTest, MetadataIsDroppedAndConditionsOnGetAreIgnored) {
    WireRequest request = put("/people/dws/a", "body");
    request.fields.emplace_back("x-amz-meta-writer", "me");
    request.fields.emplace_back("if-none-match", "*");
    EXPECT_EQ(ask_signed(request)->status, 200);
    EXPECT_EQ(find_field(store.last().fields, "x-amz-meta-writer"), nullptr);
    EXPECT_NE(find_field(store.last().fields, "if-none-match"), nullptr);
    request = get("/people/dws/a");
    request.fields.emplace_back("if-none-match", "anything");
    EXPECT_EQ(ask_signed(request)->status, 302);
    EXPECT_EQ(find_field(store.last().fields, "if-none-match"), nullptr);
}

TEST_F(HubStandInTest, AnObjectComesFromAnotherPortWithoutTheSignature) {
    EXPECT_EQ(ask_signed(put("/people/dws/a", "body"))->status, 200);
    const Result<WireResponse> moved = ask_signed(get("/people/dws/a"));
    ASSERT_TRUE(moved);
    ASSERT_EQ(moved->status, 302);
    const std::string location = *find_field(moved->fields, "location");
    const std::size_t path = location.find('/', std::string("http://").size());
    const int edge = host_port(location.substr(0, path)).port;
    EXPECT_NE(edge, hub.port());
    const std::size_t question = location.find('?');
    WireRequest there = get(location.substr(path, question - path), location.substr(question + 1));
    EXPECT_EQ(ask(edge, there)->body, "body");
    there.fields.emplace_back("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    EXPECT_EQ(ask(edge, there)->status, 400);
    EXPECT_EQ(hub.leaks(), 1);
    EXPECT_EQ(ask(edge, get("/dws/a"))->status, 403) << "no token";
    EXPECT_EQ(ask_signed(get("/people/dws/absent"))->status, 404);
}

TEST_F(HubStandInTest, TheOldListingIsNotThere) {
    EXPECT_EQ(ask_signed(get("/people/dws"))->status, 501);
    EXPECT_EQ(ask_signed(get("/people/dws", "list-type=2"))->status, 200);
}

}  // namespace
}  // namespace dws
