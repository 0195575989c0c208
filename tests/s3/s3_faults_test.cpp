// What the S3 bucket makes of stores that refuse, lie, stall, break off or ask for patience.
#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "sync/sha256.h"
#include "tests/s3/scripted_store.h"

namespace dws {
namespace {

constexpr ByteRange kAll{.offset = 0, .length = 1'000};
constexpr RetryPolicy kQuick{.first_wait_ms = 1, .longest_wait_ms = 4, .deadline_s = 5};

Reply always(WireResponse response) { return {.response = std::move(response)}; }

// The store that answers everything so, and what the bucket says of it.
struct Refusing {
    explicit Refusing(WireResponse response)
        : store([response](const WireRequest&, std::size_t) { return always(response); }),
          bucket(store.open()) {}
    ScriptedStore store;
    std::unique_ptr<Bucket> bucket;
};

TEST(S3Faults, AnAnswerThatStaysTheSameIsFinal) {
    for (const auto& [status, code] :
         std::vector<std::pair<int, std::string>>{{403, "AccessDenied"},
                                                  {403, "SignatureDoesNotMatch"},
                                                  {403, "InvalidAccessKeyId"},
                                                  {401, "Unauthorized"},
                                                  {404, "NoSuchBucket"},
                                                  {400, "InvalidArgument"},
                                                  {501, "NotImplemented"},
                                                  {405, "MethodNotAllowed"}}) {
        const Refusing refusing(refusal_of(status, code));
        const Error error = refusing.bucket->get("a", kAll).error();
        EXPECT_EQ(error.fault, Fault::untrusted) << code;
        EXPECT_NE(error.detail.find("get a at 127.0.0.1:"), std::string::npos) << error.detail;
        EXPECT_NE(error.detail.find(std::to_string(status) + " " + code), std::string::npos)
            << error.detail;
        EXPECT_NE(error.detail.find("; "), std::string::npos) << "no advice: " << error.detail;
    }
}

TEST(S3Faults, AnAnswerThatMayChangeIsTransport) {
    for (const auto& [status, code] :
         std::vector<std::pair<int, std::string>>{{500, "InternalError"},
                                                  {502, ""},
                                                  {503, "SlowDown"},
                                                  {429, "TooManyRequests"},
                                                  {409, "OperationAborted"},
                                                  {400, "RequestTimeout"},
                                                  {400, "BadDigest"},
                                                  {400, "XAmzContentSHA256Mismatch"},
                                                  {403, ""},
                                                  {507, "InsufficientStorage"}}) {
        const Refusing refusing(code.empty() ? response_of(status) : refusal_of(status, code));
        EXPECT_EQ(refusing.bucket->get("a", kAll).error().fault, Fault::transport) << status;
        EXPECT_EQ(refusing.bucket->put("a", {}).error().fault, Fault::transport) << status;
        EXPECT_EQ(refusing.bucket->list("", Listing::objects).error().fault, Fault::transport);
    }
}

TEST(S3Faults, AnotherRegionIsNamed) {
    const Refusing refusing(
        refusal_of(301, "PermanentRedirect", {{"x-amz-bucket-region", "eu-9"}}));
    const Error error = refusing.bucket->get("a", kAll).error();
    EXPECT_EQ(error.fault, Fault::untrusted);
    EXPECT_NE(error.detail.find("region=eu-9"), std::string::npos) << error.detail;
}

TEST(S3Faults, ACreationHasFourOutcomes) {
    const auto outcome_of = [](int status) {
        return Refusing(refusal_of(status, "Code")).bucket->put_if_absent("a", bytes_of("x"));
    };
    EXPECT_EQ(*outcome_of(200), PutOutcome::created);
    EXPECT_EQ(*outcome_of(412), PutOutcome::existed);
    for (const int uncertain : {409, 500, 503})
        EXPECT_EQ(outcome_of(uncertain).error().fault, Fault::transport) << uncertain;
    const Error refused = outcome_of(501).error();
    EXPECT_EQ(refused.fault, Fault::untrusted);
    EXPECT_NE(refused.detail.find("refuses conditional writes"), std::string::npos);
    EXPECT_NE(refused.detail.find("bucket.unfenced"), std::string::npos);
}

TEST(S3Faults, TheConditionIsSigned) {
    ScriptedStore store([](const WireRequest&, std::size_t) { return always(response_of(200)); });
    ASSERT_TRUE(store.open()->put_if_absent("a", bytes_of("x")));
    const WireFields fields = store.requests().at(0).fields;
    EXPECT_EQ(*find_field(fields, "if-none-match"), "*");
    EXPECT_NE(find_field(fields, "authorization")
                  ->find("SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date;"
                         "x-amz-security-token,"),
              std::string::npos);
    EXPECT_EQ(*find_field(fields, "x-amz-security-token"), "session-token");
    EXPECT_EQ(*find_field(fields, "x-amz-content-sha256"), sha256_hex(bytes_of("x")));
}

TEST(S3Faults, AStoreThatAsksForPatienceGetsIt) {
    ScriptedStore store([](const WireRequest&, std::size_t number) {
        return always(number == 0 ? refusal_of(503, "SlowDown", {{"retry-after", "1"}})
                                  : response_of(200));
    });
    const Stopwatch watch;
    EXPECT_TRUE(store.open(kQuick)->put("a", bytes_of("x")));
    EXPECT_GE(watch.seconds(), 1.0);
    EXPECT_EQ(store.requests().size(), 2u);
}

TEST(S3Faults, PatienceEndsAtTheDeadline) {
    ScriptedStore store([](const WireRequest&, std::size_t) {
        return always(refusal_of(429, "SlowDown", {{"retry-after", "600"}}));
    });
    const Stopwatch watch;
    const Error error = store.open(kQuick)->put("a", bytes_of("x")).error();
    EXPECT_LT(watch.seconds(), 2);
    EXPECT_EQ(error.fault, Fault::transport);
    EXPECT_EQ(error.retry_after_s, 600);
    EXPECT_EQ(store.requests().size(), 1u);
}

TEST(S3Faults, AnotherClockIsLearntOnce) {
    constexpr std::string_view kStoreTime = "Sun, 06 Nov 1994 08:49:37 GMT";
    ScriptedStore store([&](const WireRequest& request, std::size_t) {
        const bool is_right =
            find_field(request.fields, "x-amz-date")->starts_with("19941106T0849");
        return always(is_right ? response_of(200)
                               : refusal_of(403, "RequestTimeTooSkewed",
                                            {{"date", std::string(kStoreTime)}}));
    });
    const auto bucket = store.open();
    EXPECT_TRUE(bucket->put("a", bytes_of("x")));
    EXPECT_EQ(store.requests().size(), 2u);
    EXPECT_TRUE(bucket->put("b", bytes_of("x")));
    EXPECT_EQ(store.requests().size(), 3u);  // it is kept
}

TEST(S3Faults, AClockThatCannotBeLearntIsSaid) {
    ScriptedStore store([&](const WireRequest&, std::size_t) {
        return always(
            refusal_of(403, "RequestTimeTooSkewed", {{"date", "Sun, 06 Nov 1994 08:49:37 GMT"}}));
    });
    const Error error = store.open()->put("a", bytes_of("x")).error();
    EXPECT_EQ(store.requests().size(), 2u);
    EXPECT_EQ(error.fault, Fault::untrusted);
    EXPECT_NE(error.detail.find("clock"), std::string::npos) << error.detail;
}

WireResponse range_of(const std::string& body, const std::string& content_range,
                      const std::string& etag = "\"e\"") {
    return response_of(206, body, {{"content-range", content_range}, {"etag", etag}});
}

TEST(S3Faults, AnotherRangeThanThatAskedForIsNone) {
    for (const char* range :
         {"", "bytes 0-4/5x", "bytes 1-5/9", "bytes 0-3/5", "bytes 0-5/5", "bytes 0-4/*",
          "items 0-4/5", "bytes 4-0/5", "bytes 0-4/99999999999999999999", "bytes 0-4/9"}) {
        const Refusing lying(range_of("12345", range));
        EXPECT_EQ(lying.bucket->get("a", kAll).error().fault, Fault::transport) << range;
    }
    const Refusing honest(range_of("12345", "bytes 0-4/5"));
    EXPECT_EQ(text_of(*honest.bucket->get("a", kAll)), "12345");
}

TEST(S3Faults, AStoreWithoutRangesSendsTheStart) {
    const Refusing whole(response_of(200, "123456789"));
    EXPECT_EQ(text_of(*whole.bucket->get("a", {.length = 4})), "1234");
    EXPECT_EQ(text_of(*whole.bucket->get("a", {.length = 100})), "123456789");
    EXPECT_EQ(whole.bucket->get("a", {.offset = 2, .length = 4}).error().fault, Fault::transport);
}

TEST(S3Faults, ABodyThatBreaksOffIsTransport) {
    for (const Delivery delivery : {Delivery::truncated, Delivery::reset, Delivery::lost}) {
        ScriptedStore store([&](const WireRequest&, std::size_t) {
            return Reply{range_of(std::string(1'000, 'x'), "bytes 0-999/1000"), delivery, 0};
        });
        EXPECT_EQ(store.open()->get("a", kAll).error().fault, Fault::transport);
    }
}

TEST(S3Faults, APieceThatBreaksOffIsAskedForAgainAlone) {
    const std::string object(95, 'y');
    ScriptedStore store([&](const WireRequest& request, std::size_t number) {
        const std::string range = *find_field(request.fields, "range");
        const std::size_t first = std::stoul(range.substr(6));
        const std::size_t last = std::min<std::size_t>(first + 9, 94);
        const std::string content_range =
            "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/95";
        return Reply{range_of(object.substr(first, last - first + 1), content_range),
                     number % 4 == 3 ? Delivery::truncated : Delivery::whole, 0};
    });
    S3Options options;
    options.pieces = {.bytes = 10, .at_once = 3};
    const Result<Bytes> got = store.open(kQuick, options)->get("a", kAll);
    ASSERT_TRUE(got) << got.error().detail;
    EXPECT_EQ(text_of(*got), object);
    EXPECT_LT(store.requests().size(), 20u);
}

TEST(S3Faults, AnObjectThatIsReplacedMeanwhileIsCorrupt) {
    ScriptedStore store([&](const WireRequest& request, std::size_t number) {
        const bool is_first = *find_field(request.fields, "range") == "bytes=0-9";
        return always(range_of("0123456789", is_first ? "bytes 0-9/20" : "bytes 10-19/20",
                               "\"" + std::to_string(number) + "\""));
    });
    S3Options options;
    options.pieces = {.bytes = 10, .at_once = 2};
    const Error error = store.open(kQuick, options)->get("a", kAll).error();
    EXPECT_EQ(error.fault, Fault::corrupt);
    EXPECT_NE(error.detail.find("replaced"), std::string::npos) << error.detail;
}

TEST(S3Faults, EndlessHeadersAndBodiesEnd) {
    const Refusing headers(response_of(200, "x", {{"x-long", std::string(90'000, 'h')}}));
    EXPECT_EQ(headers.bucket->get("a", kAll).error().fault, Fault::transport);
    const Refusing refusal(response_of(500, std::string(3'000'000, 'x')));
    EXPECT_EQ(refusal.bucket->get("a", kAll).error().fault, Fault::transport);
    const Refusing listing(response_of(200, std::string(20'000'000, 'x')));
    EXPECT_EQ(listing.bucket->list("", Listing::objects).error().fault, Fault::transport);
    const Refusing body(response_of(200, std::string(3'000'000, 'x')));
    EXPECT_EQ(body.bucket->get("a", {.length = 10})->size(), 10u);
}

TEST(S3Faults, AListingThatNeverEndsIsRefused) {
    ScriptedStore store([](const WireRequest&, std::size_t) {
        return always(response_of(200,
                                  "<ListBucketResult><IsTruncated>true</IsTruncated>"
                                  "<NextContinuationToken>same</NextContinuationToken>"
                                  "</ListBucketResult>"));
    });
    EXPECT_EQ(store.open()->list("", Listing::objects).error().fault, Fault::corrupt);
}

TEST(S3Faults, KeysOutsideThePrefixAreNotListed) {
    ScriptedStore store([](const WireRequest&, std::size_t) {
        return always(response_of(200,
                                  "<ListBucketResult><IsTruncated>false</IsTruncated>"
                                  "<Contents><Key>run/a</Key></Contents>"
                                  "<Contents><Key>other/b</Key></Contents>"
                                  "</ListBucketResult>"));
    });
    EXPECT_EQ(*store.open()->list("run/", Listing::objects), (std::vector<std::string>{"run/a"}));
}

TEST(S3Faults, ASilentStoreIsLeftAfterAWhile) {
    ScriptedStore store([](const WireRequest&, std::size_t) {
        return Reply{range_of(std::string(1'000'000, 'x'), "bytes 0-999/1000"), Delivery::whole,
                     100};
    });
    S3Options options;
    options.http.stall_timeout_s = 1;
    const Stopwatch watch;
    const Error error = store.open({.deadline_s = 0}, options)->get("a", {.length = 900}).error();
    EXPECT_EQ(error.fault, Fault::transport);
    EXPECT_LT(watch.seconds(), 6);
}

TEST(S3Faults, AStopEndsWhatIsUnderWay) {
    ScriptedStore store([](const WireRequest&, std::size_t) {
        return Reply{response_of(200, std::string(1'000'000, 'x')), Delivery::whole, 5'000};
    });
    std::stop_source stop;
    S3Options options;
    options.http.stop_grace_s = 0.2;
    const auto bucket = store.open(kQuick, options, stop.get_token());
    std::jthread stopper([&] {
        while (store.requests().empty()) std::this_thread::yield();
        stop.request_stop();
    });
    const Stopwatch watch;
    EXPECT_EQ(bucket->get("a", {.length = 1'000'000}).error().fault, Fault::transport);
    EXPECT_LT(watch.seconds(), 5);
}

TEST(S3Faults, NobodyThereIsTransport) {
    std::unique_ptr<Bucket> bucket;
    {
        ScriptedStore gone(
            [](const WireRequest&, std::size_t) { return always(response_of(200)); });
        bucket = gone.open();
    }
    const Error error = bucket->get("a", kAll).error();
    EXPECT_EQ(error.fault, Fault::transport);
    EXPECT_NE(error.detail.find("127.0.0.1:"), std::string::npos) << error.detail;
}

}  // namespace
}  // namespace dws
