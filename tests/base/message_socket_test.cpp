#include "base/message_socket.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

const std::string kAnyPort = "tcp://127.0.0.1:*";
constexpr milliseconds kLong{10'000};  // a test that waits this long has failed

// Sends until something arrives: a publisher drops what it says before a subscription has come.
std::optional<Frames> publish_until_heard(MessageSocket& from, MessageSocket& to,
                                          const Frames& frames) {
    for (int attempt = 0; attempt < 500; ++attempt) {
        from.send(frames);
        if (auto heard = to.receive(milliseconds(20))) return heard;
    }
    return std::nullopt;
}

TEST(MessageSocket, ARouterAnswersTheClientThatAsked) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket first = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    MessageSocket second = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    ASSERT_TRUE(first.send({"from first"}));
    ASSERT_TRUE(second.send({"from second"}));
    for (int message = 0; message < 2; ++message) {
        auto request = router.receive(kLong);
        ASSERT_TRUE(request);
        ASSERT_EQ(request->size(), 2u);
        EXPECT_TRUE(router.send({(*request)[0], "re: " + (*request)[1]}));
    }
    EXPECT_EQ(first.receive(kLong), Frames{"re: from first"});
    EXPECT_EQ(second.receive(kLong), Frames{"re: from second"});
}

TEST(MessageSocket, FramesMayBeEmptyAndHoldAnyByte) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    const Frames frames{"", std::string("\0\xff\n", 3), ""};
    ASSERT_TRUE(dealer.send(frames));
    auto heard = router.receive(kLong);
    ASSERT_TRUE(heard);
    EXPECT_EQ(Frames(heard->begin() + 1, heard->end()), frames);
}

TEST(MessageSocket, ASubscriberHearsEverything) {
    MessageSocket publisher = MessageSocket::bind(SocketKind::publisher, kAnyPort);
    MessageSocket subscriber = MessageSocket::connect(SocketKind::subscriber, publisher.endpoint());
    EXPECT_EQ(publish_until_heard(publisher, subscriber, {"any topic", "hint"}),
              (Frames{"any topic", "hint"}));
}

TEST(MessageSocket, ACollectorHearsEveryPublisher) {
    MessageSocket collector = MessageSocket::bind(SocketKind::collector, kAnyPort);
    for (const std::string name : {"first", "second"}) {
        MessageSocket publisher =
            MessageSocket::connect(SocketKind::publisher, collector.endpoint());
        EXPECT_EQ(publish_until_heard(publisher, collector, {name}), Frames{name});
        while (collector.receive(milliseconds(0))) {
        }
    }
}

TEST(MessageSocket, ABoundPublisherReceivesNothingFromItsSubscribers) {
    MessageSocket publisher = MessageSocket::bind(SocketKind::publisher, kAnyPort);
    MessageSocket subscriber = MessageSocket::connect(SocketKind::subscriber, publisher.endpoint());
    publish_until_heard(publisher, subscriber, {"x"});
    EXPECT_EQ(publisher.receive(milliseconds(0)), std::nullopt);
    EXPECT_EQ(publisher.receive(milliseconds(30)), std::nullopt);
}

TEST(MessageSocket, ReceivingEndsAfterTheTimeout) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    const Stopwatch watch;
    EXPECT_EQ(router.receive(milliseconds(50)), std::nullopt);
    EXPECT_GE(watch.ms(), 50);
    EXPECT_EQ(router.receive(milliseconds(0)), std::nullopt);
    EXPECT_EQ(router.receive(milliseconds(-1)), std::nullopt);
}

TEST(MessageSocket, TheLongestTimeoutIsNoOverflow) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    dealer.send({"soon"});
    EXPECT_TRUE(router.receive(milliseconds::max()));
}

TEST(MessageSocket, AReplyToAClientThatIsGoneIsSaidToBeDropped) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    EXPECT_FALSE(router.send({"nobody", "hello"}));
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    dealer.send({"still works"});
    EXPECT_TRUE(router.receive(kLong));
}

TEST(MessageSocket, AFullQueueDropsAndDoesNotWait) {
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, "ipc:///nonexistent/x",
                                                  {.queued_messages = 3, .message_bytes = 100});
    for (int message = 0; message < 3; ++message) EXPECT_TRUE(dealer.send({"a", "b"}));
    EXPECT_FALSE(dealer.send({"a", "b"}));
}

TEST(MessageSocket, AMessageWithoutFramesIsNotSent) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    EXPECT_FALSE(router.send({}));
}

TEST(MessageSocket, AFrameThatIsTooLongNeverArrives) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort,
                                               {.queued_messages = 10, .message_bytes = 100});
    {
        MessageSocket rude = MessageSocket::connect(SocketKind::dealer, router.endpoint());
        rude.send({std::string(101, 'x')});
        EXPECT_EQ(router.receive(milliseconds(100)), std::nullopt);
    }
    MessageSocket polite = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    polite.send({std::string(100, 'x')});
    EXPECT_TRUE(router.receive(kLong));
}

TEST(MessageSocket, AMessageOfTooManyFramesIsSkipped) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    dealer.send(Frames(1000, "x"));
    dealer.send({"next"});
    auto heard = router.receive(kLong);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->back(), "next");
}

std::string refusal_of(SocketKind kind, const std::string& endpoint) {
    try {
        MessageSocket::bind(kind, endpoint);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(MessageSocket, APortInUseIsNamed) {
    MessageSocket holder = MessageSocket::bind(SocketKind::router, kAnyPort);
    const std::string said = refusal_of(SocketKind::router, holder.endpoint());
    EXPECT_TRUE(
        said.starts_with("cannot listen on " + holder.endpoint() + ": Address already in use; "))
        << said;
}

TEST(MessageSocket, AnEndpointOfNoFormIsNamed) {
    for (const std::string endpoint : {"", "nonsense", "tcp://", "tcp://127.0.0.1:port", "x://y"})
        EXPECT_TRUE(
            refusal_of(SocketKind::router, endpoint).starts_with("cannot listen on " + endpoint))
            << endpoint;
    EXPECT_THROW(MessageSocket::connect(SocketKind::dealer, "nonsense"), std::runtime_error);
}

TEST(MessageSocket, SaysWhichPortItGot) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    EXPECT_TRUE(router.endpoint().starts_with("tcp://127.0.0.1:"));
    EXPECT_EQ(router.endpoint().find('*'), std::string::npos);
}

TEST(MessageSocket, TheEndpointIsFreeOnceItIsClosed) {
    std::string endpoint;
    { endpoint = MessageSocket::bind(SocketKind::router, kAnyPort).endpoint(); }
    EXPECT_EQ(refusal_of(SocketKind::router, endpoint), "");
}

TEST(MessageSocket, ClosingDoesNotWaitForAPeerThatNeverComes) {
    const Stopwatch watch;
    {
        MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, "ipc:///nonexistent/x");
        dealer.send({"never read"});
    }
    EXPECT_LT(watch.seconds(), 2);
}

TEST(MessageSocket, WhatWasSentLastArrivesThoughTheSenderCloses) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    for (int message = 0; message < 10; ++message) {
        MessageSocket::connect(SocketKind::dealer, router.endpoint()).send({"last words"});
        EXPECT_TRUE(router.receive(kLong));
    }
}

TEST(MessageSocket, AMovedSocketGoesOn) {
    MessageSocket router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, router.endpoint());
    MessageSocket moved = std::move(dealer);
    moved.send({"hello"});
    EXPECT_TRUE(router.receive(kLong));
    router = MessageSocket::bind(SocketKind::router, kAnyPort);
    EXPECT_EQ(router.receive(milliseconds(0)), std::nullopt);
}

TEST(MessageSocket, SpeaksOverAFileToo) {
    const auto file = std::filesystem::temp_directory_path() /
                      ("message_socket_test." + std::to_string(getpid()));
    {
        MessageSocket router = MessageSocket::bind(SocketKind::router, "ipc://" + file.string());
        MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, router.endpoint());
        dealer.send({"hello"});
        EXPECT_TRUE(router.receive(kLong));
    }
    std::filesystem::remove(file);
}

}  // namespace
}  // namespace dws
