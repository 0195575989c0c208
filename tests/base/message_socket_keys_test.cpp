// Strangers at a socket with keys: none gets a word in, none keeps the others from talking.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>

#include "base/clock.h"
#include "base/message_socket.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

const std::string kAnyPort = "tcp://127.0.0.1:*";
constexpr milliseconds kLong{10'000};  // a test that waits this long has failed
constexpr milliseconds kSilence{300};  // many times what a message takes on one machine

SocketKeyPair pair_of(const Identity& identity) {
    return {identity.shared().exchange, identity.exchange_secret()};
}

SocketKeys listening(const Identity& own, const std::vector<Identity>& clients) {
    SocketKeys keys{.own = pair_of(own)};
    for (const Identity& client : clients) keys.clients.push_back(client.shared().exchange);
    return keys;
}

SocketKeys calling(const Identity& own, const Identity& server) {
    return {.own = pair_of(own), .server = server.shared().exchange};
}

std::string hex_of(const Key32& key) {
    std::string text;
    for (const std::byte byte : key) {
        char digits[3];
        std::snprintf(digits, sizeof(digits), "%02x", std::to_integer<unsigned>(byte));
        text += digits;
    }
    return text;
}

// A TCP connection that knows nothing of ZeroMQ.
class RawPeer {
public:
    explicit RawPeer(const std::string& endpoint) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        is_connected_ =
            ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    ~RawPeer() { ::close(socket_); }
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;

    bool is_connected() const { return is_connected_; }
    void send(const std::string& bytes) {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const ssize_t more =
                ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (more <= 0) return;  // thrown out
            sent += static_cast<std::size_t>(more);
        }
    }

private:
    const int socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    bool is_connected_ = false;
};

// A server that admits one client.
struct MessageSocketKeys : testing::Test {
    const Identity server = Identity::generate();
    const Identity friendly = Identity::generate();
    const Identity stranger = Identity::generate();
    MessageSocket router =
        MessageSocket::bind(SocketKind::router, kAnyPort, {}, listening(server, {friendly}));

    MessageSocket connect(const SocketKeys& keys) const {
        return MessageSocket::connect(SocketKind::dealer, router.endpoint(), {}, keys);
    }
    void expect_unheard(const SocketKeys& keys) {
        MessageSocket dealer = connect(keys);
        dealer.send({"let me in"});
        EXPECT_EQ(router.receive(kSilence), std::nullopt);
    }
    void expect_friend_is_served() {
        MessageSocket dealer = connect(calling(friendly, server));
        ASSERT_TRUE(dealer.send({"question"}));
        const auto asked = router.receive(kLong);
        ASSERT_TRUE(asked);
        ASSERT_EQ(asked->size(), 2u);
        EXPECT_EQ((*asked)[1], "question");
        EXPECT_TRUE(router.send({(*asked)[0], "answer"}));
        EXPECT_EQ(dealer.receive(kLong), Frames{"answer"});
    }
};

TEST_F(MessageSocketKeys, AClientThatIsListedIsServed) { expect_friend_is_served(); }

TEST_F(MessageSocketKeys, TheSenderOfAMessageIsKnownByItsKey) {
    EXPECT_EQ(router.sender(), "");
    expect_friend_is_served();
    EXPECT_EQ(router.sender(), hex_of(friendly.shared().exchange));
}

TEST_F(MessageSocketKeys, WithoutKeysNobodyIsKnown) {
    MessageSocket open_router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, open_router.endpoint());
    dealer.send({"hello"});
    ASSERT_TRUE(open_router.receive(kLong));
    EXPECT_EQ(open_router.sender(), "");
}

TEST_F(MessageSocketKeys, AKeyThatIsNotListedIsNotHeard) {
    expect_unheard(calling(stranger, server));
    expect_friend_is_served();
}

TEST_F(MessageSocketKeys, AClientWithoutAKeyIsNotHeard) {
    expect_unheard({});
    expect_friend_is_served();
}

TEST_F(MessageSocketKeys, AClientThatExpectsAnotherServerHearsNothingAndIsNotHeard) {
    expect_unheard(calling(friendly, stranger));
    expect_friend_is_served();
}

// The friend's public key is no secret: who has only that cannot speak as the friend.
TEST_F(MessageSocketKeys, APublicKeyWithoutItsSecretIsNotHeard) {
    SocketKeys keys = calling(friendly, server);
    keys.own->secret = stranger.exchange_secret();
    expect_unheard(keys);
    expect_friend_is_served();
}

TEST_F(MessageSocketKeys, AClientWithKeysHearsNothingFromAServerWithout) {
    MessageSocket open_router = MessageSocket::bind(SocketKind::router, kAnyPort);
    MessageSocket dealer = MessageSocket::connect(SocketKind::dealer, open_router.endpoint(), {},
                                                  calling(friendly, server));
    dealer.send({"a secret"});
    EXPECT_EQ(open_router.receive(kSilence), std::nullopt);
}

TEST_F(MessageSocketKeys, AnyKeyIsAdmittedOnlyWhereThatWasSaid) {
    SocketKeys keys = listening(server, {});
    keys.admits_anyone = true;
    router = MessageSocket::bind(SocketKind::router, kAnyPort, {}, keys);
    MessageSocket dealer = connect(calling(stranger, server));
    dealer.send({"hello"});
    ASSERT_TRUE(router.receive(kLong));
    EXPECT_EQ(router.sender(), hex_of(stranger.shared().exchange));
    expect_unheard({});
}

TEST_F(MessageSocketKeys, AListOfNobodyIsRefusedForItCouldServeNone) {
    EXPECT_THROW(MessageSocket::bind(SocketKind::router, kAnyPort, {}, listening(server, {})),
                 std::runtime_error);
}

TEST_F(MessageSocketKeys, AnUnknownServerIsRefused) {
    SocketKeys keys;
    keys.own = pair_of(friendly);
    EXPECT_THROW(connect(keys), std::runtime_error);
}

TEST_F(MessageSocketKeys, BytesThatAreNoZmtpDisturbNobody) {
    std::random_device device;
    const unsigned seed = device();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int peer = 0; peer < 40; ++peer) {
        auto& raw = *peers.emplace_back(std::make_unique<RawPeer>(router.endpoint()));
        ASSERT_TRUE(raw.is_connected());
        std::string bytes(random() % 3000, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random());
        raw.send(bytes);
    }
    RawPeer browser(router.endpoint());
    browser.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    RawPeer silent(router.endpoint());
    expect_friend_is_served();
}

// The greetings of ZeroMQ 2 and of ZMTP 3.0 without security, each followed by a message.
TEST_F(MessageSocketKeys, PlainGreetingsAreNotHeard) {
    RawPeer oldest(router.endpoint());
    oldest.send(std::string("\x01\x00\x06\x00hello", 9));
    RawPeer plain(router.endpoint());
    std::string greeting("\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00NULL", 16);
    greeting.resize(64, '\0');
    plain.send(greeting +
               std::string("\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                           "DEALER",
                           30) +
               std::string("\x00\x05hello", 7));
    EXPECT_EQ(router.receive(kSilence), std::nullopt);
    expect_friend_is_served();
}

// A greeting that says CURVE, and noise where the handshake belongs.
TEST_F(MessageSocketKeys, ABrokenHandshakeDisturbsNobody) {
    std::mt19937 random(1);
    for (int attempt = 0; attempt < 20; ++attempt) {
        RawPeer raw(router.endpoint());
        std::string bytes(
            "\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00"
            "CURVE",
            17);
        bytes.resize(64, '\0');
        bytes += std::string("\x04\xc8\x05HELLO", 8);
        for (int noise = 0; noise < 194 + attempt; ++noise) bytes += static_cast<char>(random());
        raw.send(bytes);
    }
    EXPECT_EQ(router.receive(milliseconds(0)), std::nullopt);
    expect_friend_is_served();
}

TEST_F(MessageSocketKeys, ManyStrangersDoNotKeepTheFriendWaiting) {
    std::vector<MessageSocket> strangers;
    for (int each = 0; each < 20; ++each) {
        strangers.push_back(connect(calling(stranger, server)));
        for (int message = 0; message < 100; ++message) strangers.back().send({"let me in"});
    }
    const Stopwatch watch;
    expect_friend_is_served();
    EXPECT_LT(watch.seconds(), 5);
    EXPECT_EQ(router.receive(milliseconds(0)), std::nullopt);
}

TEST_F(MessageSocketKeys, TheLimitOfAFrameIsTheSameWithKeys) {
    const SocketLimits limits{.queued_messages = 10, .message_bytes = 2000};
    router =
        MessageSocket::bind(SocketKind::router, kAnyPort, limits, listening(server, {friendly}));
    {
        MessageSocket rude = connect(calling(friendly, server));
        rude.send({std::string(2001, 'x')});
        EXPECT_EQ(router.receive(kSilence), std::nullopt);
    }
    MessageSocket polite = connect(calling(friendly, server));
    polite.send({std::string(2000, 'x')});
    EXPECT_TRUE(router.receive(kLong));
}

TEST_F(MessageSocketKeys, PublishersAndSubscribersHaveKeysToo) {
    MessageSocket publisher =
        MessageSocket::bind(SocketKind::publisher, kAnyPort, {}, listening(server, {friendly}));
    const auto subscribe = [&](const Identity& own) {
        return MessageSocket::connect(SocketKind::subscriber, publisher.endpoint(), {},
                                      calling(own, server));
    };
    MessageSocket listed = subscribe(friendly);
    MessageSocket unlisted = subscribe(stranger);
    std::optional<Frames> heard;
    for (int attempt = 0; attempt < 500 && !heard; ++attempt) {
        publisher.send({"news"});
        heard = listed.receive(milliseconds(20));
    }
    EXPECT_EQ(heard, Frames{"news"});
    EXPECT_EQ(unlisted.receive(milliseconds(100)), std::nullopt);
}

std::string refusal_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(MessageSocketPlaces, BeyondThisMachineNothingListensWithoutKeys) {
    for (const std::string endpoint : {"tcp://*:0", "tcp://0.0.0.0:*", "tcp://10.0.0.1:5555",
                                       "tcp://eth0:5555", "tcp://[::]:5555"}) {
        const std::string said =
            refusal_of([&] { MessageSocket::bind(SocketKind::router, endpoint); });
        EXPECT_TRUE(said.starts_with("cannot listen on " + endpoint + " without keys")) << said;
        EXPECT_NE(said.find("dws keygen"), std::string::npos) << said;
        EXPECT_NE(said.find("keys.own"), std::string::npos) << said;
    }
}

TEST(MessageSocketPlaces, BeyondThisMachineNothingConnectsWithoutKeys) {
    const std::string said = refusal_of(
        [] { MessageSocket::connect(SocketKind::dealer, "tcp://environment.example:5555"); });
    EXPECT_TRUE(said.starts_with("cannot connect to tcp://environment.example:5555 without keys"))
        << said;
}

TEST(MessageSocketPlaces, TheOperatorsWordOpensAPort) {
    const SocketKeys insecure{.is_insecure = true};
    const MessageSocket router =
        MessageSocket::bind(SocketKind::router, "tcp://0.0.0.0:*", {}, insecure);
    EXPECT_TRUE(router.endpoint().starts_with("tcp://0.0.0.0:"));
}

TEST(MessageSocketPlaces, WithKeysAnyAddressWillDo) {
    const Identity own = Identity::generate();
    EXPECT_NO_THROW(
        MessageSocket::bind(SocketKind::router, "tcp://0.0.0.0:*", {}, listening(own, {own})));
}

TEST(MessageSocketPlaces, LoopbackIsKnownByItsForm) {
    for (const std::string endpoint : {"tcp://127.0.0.1:1", "tcp://127.9.8.7:*",
                                       "tcp://localhost:1", "tcp://[::1]:1", "ipc:///tmp/x"})
        EXPECT_TRUE(is_loopback(endpoint)) << endpoint;
    for (const std::string endpoint :
         {"", "nonsense", "tcp://", "tcp://*:1", "tcp://128.0.0.1:1", "tcp://127.example:1",
          "tcp://127.0.0.1.example:1", "tcp://127.0.0.1;10.0.0.1:1", "tcp://localhost.example:1",
          "tcp://0.0.0.0:1", "ws://127.0.0.1:1", "inproc://x"})
        EXPECT_FALSE(is_loopback(endpoint)) << endpoint;
}

}  // namespace
}  // namespace dws
