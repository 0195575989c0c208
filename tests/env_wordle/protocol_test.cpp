#include "env_wordle/protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dws {
namespace {

EnvReply full_reply() {
    EnvReply reply;
    reply.id = ~std::uint64_t{0};
    reply.session = "0123456789abcdef";
    reply.text = "C R A N E\nX G G Y X \"quoted\" caf\xc3\xa9";
    reply.feedback = "XGGYX";
    reply.turn = 6;
    reply.greens = 2;
    reply.yellows = 1;
    reply.valid = true;
    reply.done = true;
    reply.reward = 0.3;
    return reply;
}

TEST(Protocol, RequestsComeBackAsTheyWere) {
    for (const EnvCall call : {EnvCall::reset, EnvCall::step, EnvCall::state, EnvCall::close}) {
        EnvRequest sent{
            .call = call, .id = ~std::uint64_t{0}, .seed = 0, .session = "", .text = ""};
        if (call == EnvCall::reset) sent.seed = ~std::uint64_t{0} - 1;
        if (call != EnvCall::reset) sent.session = "0123456789abcdef";
        if (call == EnvCall::step) sent.text = "\"[crane]\"\n\\ caf\xc3\xa9";
        const Result<EnvRequest> came = decode_request(encode(sent));
        ASSERT_TRUE(came) << came.error().detail;
        EXPECT_EQ(came->call, sent.call);
        EXPECT_EQ(came->id, sent.id);
        EXPECT_EQ(came->seed, sent.seed);
        EXPECT_EQ(came->session, sent.session);
        EXPECT_EQ(came->text, sent.text);
    }
}

TEST(Protocol, RepliesComeBackAsTheyWere) {
    const EnvReply sent = full_reply();
    const Result<EnvReply> came = decode_reply(encode(sent));
    ASSERT_TRUE(came) << came.error().detail;
    EXPECT_EQ(came->id, sent.id);
    EXPECT_EQ(came->error, EnvErrorCode::none);
    EXPECT_EQ(came->session, sent.session);
    EXPECT_EQ(came->text, sent.text);
    EXPECT_EQ(came->feedback, sent.feedback);
    EXPECT_EQ(came->turn, 6);
    EXPECT_EQ(came->turns_max, 6);
    EXPECT_EQ(came->greens, 2);
    EXPECT_EQ(came->yellows, 1);
    EXPECT_TRUE(came->valid);
    EXPECT_FALSE(came->won);
    EXPECT_TRUE(came->done);
    EXPECT_EQ(came->reward, sent.reward);
}

TEST(Protocol, EveryErrorComesBackWithItsMessage) {
    for (const EnvErrorCode code :
         {EnvErrorCode::malformed, EnvErrorCode::unknown_session, EnvErrorCode::at_capacity,
          EnvErrorCode::finished, EnvErrorCode::slow_down}) {
        EnvReply sent;
        sent.error = code;
        sent.message = "what to do";
        const Result<EnvReply> came = decode_reply(encode(sent));
        ASSERT_TRUE(came) << came.error().detail;
        EXPECT_EQ(came->error, code);
        EXPECT_EQ(came->message, "what to do");
    }
}

TEST(Protocol, AReplyOfTheLongestGuessIsTaken) {
    EnvReply sent;
    sent.text = std::string(kMaxMessageBytes, '\x01');  // each byte becomes six
    EXPECT_TRUE(decode_reply(encode(sent)));
}

TEST(Protocol, WhatIsNoRequestIsNamed) {
    for (const std::string message : {
             "",
             "crane",
             "[]",
             "7",
             "null",
             "{",
             R"({"call":"reset","id":1,"seed":1}x)",
             R"({"id":1,"seed":1})",
             R"({"call":"fly","id":1})",
             R"({"call":3,"id":1})",
             R"({"call":"reset","seed":1})",
             R"({"call":"reset","id":-1,"seed":1})",
             R"({"call":"reset","id":1.5,"seed":1})",
             R"({"call":"reset","id":"1","seed":1})",
             R"({"call":"reset","id":1})",
             R"({"call":"reset","id":1,"seed":-1})",
             R"({"call":"reset","id":1,"seed":18446744073709551616})",
             R"({"call":"reset","id":1,"seed":null})",
             R"({"call":"step","id":1,"session":"a"})",
             R"({"call":"step","id":1,"text":"a"})",
             R"({"call":"step","id":1,"session":"a","text":["crane"]})",
             R"({"call":"state","id":1})",
             R"({"call":"close","id":1,"session":7})",
             "{\"call\":\"step\",\"id\":1,\"session\":\"a\",\"text\":\"\xff\"}",
         }) {
        const Result<EnvRequest> came = decode_request(message);
        ASSERT_FALSE(came) << message;
        EXPECT_EQ(came.error().fault, Fault::corrupt);
        EXPECT_NE(came.error().detail, "") << message;
    }
}

TEST(Protocol, ATruncatedMessageIsRefusedAtEveryLength) {
    const std::string request = encode(EnvRequest{
        .call = EnvCall::step, .id = 7, .seed = 0, .session = "0123456789abcdef", .text = "crane"});
    for (std::size_t size = 0; size < request.size(); ++size)
        EXPECT_FALSE(decode_request(request.substr(0, size))) << size;
    const std::string reply = encode(full_reply());
    for (std::size_t size = 0; size < reply.size(); ++size)
        EXPECT_FALSE(decode_reply(reply.substr(0, size))) << size;
}

// A flipped bit may make another sound message; what it must not do is pass the ranges or crash.
TEST(Protocol, EveryFlippedBitEndsInAnErrorOrASoundReply) {
    const std::string sound = encode(full_reply());
    for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
        std::string flipped = sound;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        const Result<EnvReply> came = decode_reply(flipped);
        if (!came) continue;
        EXPECT_TRUE(came->feedback.empty() || came->feedback.size() == 5) << flipped;
        EXPECT_LE(came->turn, came->turns_max) << flipped;
        EXPECT_LE(came->greens, 5) << flipped;
    }
}

TEST(Protocol, AMessageOfTooManyBytesIsRefusedUnread) {
    EnvRequest request{.call = EnvCall::step, .id = 1, .seed = 0, .session = "a", .text = ""};
    request.text.assign(kMaxMessageBytes - encode(request).size(), 'x');
    EXPECT_TRUE(decode_request(encode(request)));
    request.text += 'x';
    EXPECT_FALSE(decode_request(encode(request)));
}

TEST(Protocol, DeepNestingEndsInAnError) {
    EXPECT_FALSE(decode_request(std::string(kMaxMessageBytes, '[')));
    const std::string half(kMaxMessageBytes / 2, '[');
    EXPECT_FALSE(decode_request(half + std::string(half.size(), ']')));
}

TEST(Protocol, UnknownKeysAreIgnored) {
    EXPECT_TRUE(decode_request(R"({"call":"reset","id":1,"seed":2,"hint":[1]})"));
}

TEST(Protocol, TheIdOfABrokenRequestIsFound) {
    EXPECT_EQ(id_in(R"({"call":"fly","id":42})"), 42u);
    for (const char* message : {"", "[42]", R"({"id":-1})", R"({"id":"42"})", R"({"id":42)"})
        EXPECT_EQ(id_in(message), 0u) << message;
}

// The worker's side: one member of a sound reply is replaced by something else.
TEST(Protocol, AReplyOutOfItsRangesIsRefused) {
    struct Change {
        const char* from;
        const char* to;
    };
    const std::string sound = encode(full_reply());
    for (const Change& change :
         {Change{R"("feedback":"XGGYX")", R"("feedback":"XGGY")"},
          Change{R"("feedback":"XGGYX")", R"("feedback":"XGGYx")"},
          Change{R"("greens":2)", R"("greens":6)"}, Change{R"("greens":2)", R"("greens":-1)"},
          Change{R"("yellows":1)", R"("yellows":true)"}, Change{R"("turn":6)", R"("turn":7)"},
          Change{R"("turns_max":6)", R"("turns_max":4000000000)"},
          Change{R"("error":"none")", R"("error":"tired")"},
          Change{R"("valid":true)", R"("valid":1)"}, Change{R"("done":true)", R"("gone":true)"},
          Change{R"("reward":0.3)", R"("reward":"0.3")"}}) {
        std::string changed = sound;
        const std::size_t at = changed.find(change.from);
        ASSERT_NE(at, std::string::npos) << change.from;
        changed.replace(at, std::string(change.from).size(), change.to);
        EXPECT_FALSE(decode_reply(changed)) << changed;
    }
}

// A library may read 1e999 as infinity or refuse it; neither may pass.
TEST(Protocol, AnEndlessRewardIsRefused) {
    std::string reply = encode(full_reply());
    const std::size_t at = reply.find("\"reward\":0.");
    ASSERT_NE(at, std::string::npos);
    reply.replace(at, std::string("\"reward\":0.").size(), "\"reward\":1e999,\"was\":0.");
    EXPECT_FALSE(decode_reply(reply));
}

}  // namespace
}  // namespace dws
