// Over real ZeroMQ on loopback, at ports the system chooses.
#include "env_wordle/server.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "env_wordle/protocol.h"
#include "tests/env_wordle/fixture.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

EnvOptions loopback() {
    EnvOptions options;
    options.endpoint = "tcp://127.0.0.1:*";
    options.words = fruit_words();
    options.secrets = fruit_words();
    return options;
}

struct RunningServer {
    explicit RunningServer(EnvOptions options) : server(std::move(options)) {}
    Server server;
    std::jthread thread{[this](std::stop_token stop) { server.run(stop); }};
};

class Client {
public:
    explicit Client(const Server& server, const SocketKeys& keys = {})
        : socket_(MessageSocket::connect(SocketKind::dealer, server.endpoint(),
                                         {.queued_messages = 50'000}, keys)) {}

    void send(const EnvRequest& request) { ASSERT_TRUE(socket_.send({encode(request)})); }
    void send_raw(const Frames& frames) { ASSERT_TRUE(socket_.send(frames)); }
    EnvReply receive() {
        const std::optional<Frames> frames = socket_.receive(milliseconds(5000));
        if (!frames || frames->size() != 1) {
            ADD_FAILURE() << "no reply of one frame";
            return {};
        }
        const Result<EnvReply> reply = decode_reply(frames->front());
        if (reply) return *reply;
        ADD_FAILURE() << reply.error().detail;
        return {};
    }
    bool hears_nothing_for(milliseconds time) { return !socket_.receive(time); }

    EnvReply ask(const EnvRequest& request) {
        send(request);
        const EnvReply reply = receive();
        EXPECT_EQ(reply.id, request.id);
        return reply;
    }
    EnvReply ask_raw(const std::string& message) {
        send_raw({message});
        return receive();
    }
    EnvReply reset(std::uint64_t seed) { return ask({EnvCall::reset, ++id_, seed, "", ""}); }
    EnvReply step(const std::string& session, const std::string& text) {
        return ask({EnvCall::step, ++id_, 0, session, text});
    }
    EnvReply state(const std::string& session) {
        return ask({EnvCall::state, ++id_, 0, session, ""});
    }
    EnvReply close(const std::string& session) {
        return ask({EnvCall::close, ++id_, 0, session, ""});
    }

private:
    MessageSocket socket_;
    std::uint64_t id_ = 0;
};

TEST(Server, PlaysAGameToItsEnd) {
    RunningServer running(loopback());
    Client client(running.server);
    const std::string secret = secret_for(fruit_words(), 7);
    const EnvReply opened = client.reset(7);
    ASSERT_EQ(opened.error, EnvErrorCode::none);
    EXPECT_EQ(opened.text, Session(Rules::open, "zebra").opening().text);
    EXPECT_EQ(client.step(opened.session, "zzzzz").feedback, "XXXXX");
    EXPECT_EQ(client.state(opened.session).turn, 1);
    const EnvReply won = client.step(opened.session, secret);
    EXPECT_TRUE(won.won);
    EXPECT_EQ(won.session, opened.session);
    EXPECT_EQ(client.step(opened.session, secret).error, EnvErrorCode::finished);
    EXPECT_TRUE(client.close(opened.session).done);
    EXPECT_EQ(client.state(opened.session).error, EnvErrorCode::unknown_session);
    const EnvStats stats = running.server.stats();
    EXPECT_EQ(stats.games, 1u);
    EXPECT_EQ(stats.finished, 1u);
    EXPECT_EQ(stats.won, 1u);
    EXPECT_EQ(stats.sessions, 0u);
}

// The published environment ignores the seed, which mixes words within one group.
TEST(Server, TheSameSeedIsTheSameGameUnderBothRules) {
    for (const Rules rules : {Rules::open, Rules::textarena}) {
        EnvOptions options = loopback();
        options.rules = rules;
        RunningServer running(options);
        Client one(running.server);
        Client other(running.server);
        std::set<std::string> feedbacks;
        for (std::uint64_t seed = 0; seed < 40; ++seed) {
            const std::string feedback = one.step(one.reset(seed).session, "[crane]").feedback;
            EXPECT_EQ(other.step(other.reset(seed).session, "[crane]").feedback, feedback);
            feedbacks.insert(feedback);
        }
        EXPECT_GT(feedbacks.size(), 5u) << "different seeds are different words";
    }
}

TEST(Server, OnlyDrawnSecretsAreAskedFor) {
    EnvOptions options = loopback();
    options.secrets = {"melon"};
    RunningServer running(options);
    Client client(running.server);
    for (std::uint64_t seed = 0; seed < 10; ++seed)
        EXPECT_TRUE(client.step(client.reset(seed).session, "melon").won);
}

TEST(Server, SaysWhenItIsFullAndTakesAnotherAfterAClose) {
    EnvOptions options = loopback();
    options.sessions_max = 3;
    RunningServer running(options);
    Client client(running.server);
    std::string session;
    for (int game = 0; game < 3; ++game) session = client.reset(1).session;
    const EnvReply refused = client.reset(1);
    EXPECT_EQ(refused.error, EnvErrorCode::at_capacity);
    EXPECT_EQ(refused.session, "");
    EXPECT_NE(refused.message.find('3'), std::string::npos);
    client.close(session);
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
    EXPECT_EQ(running.server.stats().turned_away, 1u);
}

TEST(Server, OneClientDoesNotTakeAllSessions) {
    EnvOptions options = loopback();
    options.sessions_per_client = 2;
    RunningServer running(options);
    Client greedy(running.server);
    const std::string session = greedy.reset(1).session;
    greedy.reset(1);
    const EnvReply refused = greedy.reset(1);
    EXPECT_EQ(refused.error, EnvErrorCode::at_capacity);
    EXPECT_NE(refused.message.find("env.sessions_per_client"), std::string::npos);
    Client other(running.server);
    EXPECT_EQ(other.reset(1).error, EnvErrorCode::none);
    greedy.close(session);
    EXPECT_EQ(greedy.reset(1).error, EnvErrorCode::none);
}

TEST(Server, AClientThatAsksTooFastIsToldAndTheOthersAreServed) {
    EnvOptions options = loopback();
    options.requests_per_second = 5;
    RunningServer running(options);
    Client hasty(running.server);
    int refused = 0;
    for (int ask = 0; ask < 200; ++ask) {
        const EnvReply reply = hasty.reset(1);
        if (reply.error != EnvErrorCode::slow_down) continue;
        refused += 1;
        EXPECT_EQ(reply.session, "") << "it was not carried out";
        EXPECT_NE(reply.message.find("5 requests per second"), std::string::npos);
    }
    EXPECT_GE(refused, 100);
    Client other(running.server);
    EXPECT_EQ(other.reset(1).error, EnvErrorCode::none);
    EXPECT_EQ(running.server.stats().slowed_down, static_cast<std::uint64_t>(refused));
    std::this_thread::sleep_for(milliseconds(250));
    EXPECT_EQ(hasty.reset(1).error, EnvErrorCode::none) << "a fifth of a second is one token";
}

struct KeyedServer : testing::Test {
    const Identity own = Identity::generate();
    const Identity worker = Identity::generate();
    const Identity stranger = Identity::generate();

    static SocketKeyPair pair_of(const Identity& identity) {
        return {identity.shared().exchange, identity.exchange_secret()};
    }
    EnvOptions keyed() const {
        EnvOptions options = loopback();
        options.keys.own = pair_of(own);
        options.keys.clients = {worker.shared().exchange};
        return options;
    }
    SocketKeys keys_of(const Identity& client) const {
        return {.own = pair_of(client), .server = own.shared().exchange};
    }
};

TEST_F(KeyedServer, ServesWhoIsListedAndNobodyElse) {
    RunningServer running(keyed());
    Client listed(running.server, keys_of(worker));
    EXPECT_EQ(listed.reset(1).error, EnvErrorCode::none);
    Client unlisted(running.server, keys_of(stranger));
    Client plain(running.server);
    const EnvRequest request{EnvCall::reset, 1, 1, "", ""};
    unlisted.send(request);
    plain.send(request);
    EXPECT_TRUE(unlisted.hears_nothing_for(milliseconds(300)));
    EXPECT_TRUE(plain.hears_nothing_for(milliseconds(0)));
    EXPECT_EQ(running.server.stats().requests, 1u);
}

// Limits are a key's: another connection does not reset them.
TEST_F(KeyedServer, AKeyHasItsLimitsHoweverOftenItConnects) {
    EnvOptions options = keyed();
    options.sessions_per_client = 2;
    RunningServer running(options);
    for (int visit = 0; visit < 2; ++visit) {
        Client client(running.server, keys_of(worker));
        EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
    }
    Client again(running.server, keys_of(worker));
    EXPECT_EQ(again.reset(1).error, EnvErrorCode::at_capacity);
}

// Noise, cut and broken requests, long ones: each is answered or its sender is disconnected.
TEST(Server, TenThousandRandomMessagesDoNotDisturbIt) {
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    EnvOptions options = loopback();
    options.requests_per_second = 1e9;
    options.sessions_max = 20'000;
    RunningServer running(options);
    Client client(running.server);
    const std::string session = client.reset(1).session;
    const std::vector<std::string> sound{
        encode(EnvRequest{EnvCall::reset, 1, 2, "", ""}),
        encode(EnvRequest{EnvCall::step, 2, 0, session, "[crane]"}),
        encode(EnvRequest{EnvCall::state, 3, 0, session, ""}),
        encode(EnvRequest{EnvCall::close, 4, 0, "0123456789abcdef", ""})};
    for (int message = 0; message < 10'000; ++message) {
        std::string text = sound[random() % sound.size()];
        switch (random() % 5) {
            case 0:
                text.resize(random() % 200);
                for (char& byte : text) byte = static_cast<char>(random());
                break;
            case 1:
                text.resize(random() % text.size());
                break;
            case 2:
                text[random() % text.size()] = static_cast<char>(random());
                break;
            case 3:
                text.insert(random() % text.size(), text.substr(random() % text.size()));
                break;
            default:
                text.append(random() % (kMaxMessageBytes + 100), ' ');
        }
        client.send_raw({text});
        if (message % 100 == 99) {
            for (int reply = 0; reply < 100; ++reply) client.receive();
        }
    }
    EXPECT_EQ(running.server.stats().requests, 10'001u);
    EXPECT_EQ(running.server.stats().replies_dropped, 0u);
    Client other(running.server);
    EXPECT_EQ(other.reset(1).error, EnvErrorCode::none);
}

TEST(Server, IdleSessionsExpire) {
    EnvOptions options = loopback();
    options.sessions_max = 1;
    options.session_expiry_s = 0.1;
    RunningServer running(options);
    Client client(running.server);
    const std::string session = client.reset(1).session;
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::at_capacity);
    std::this_thread::sleep_for(milliseconds(200));
    EXPECT_EQ(client.step(session, "crane").error, EnvErrorCode::unknown_session);
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
    EXPECT_EQ(running.server.stats().expired, 1u);
}

TEST(Server, MalformedMessagesAreAnsweredAndNotFatal) {
    RunningServer running(loopback());
    Client client(running.server);
    for (const std::string message :
         {"", "crane", "{", "[]", R"({"call":"fly","id":9})", R"({"call":"reset","id":9})",
          R"({"call":"step","id":9,"session":7,"text":"crane"})", "\xff\xfe", "\x00\x01"}) {
        const EnvReply reply = client.ask_raw(message);
        EXPECT_EQ(reply.error, EnvErrorCode::malformed) << message;
        EXPECT_NE(reply.message, "");
    }
    EXPECT_EQ(client.ask_raw(R"({"call":"fly","id":9})").id, 9u) << "the sender can match it";
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
    EXPECT_EQ(running.server.stats().malformed, 10u);
}

TEST(Server, AMessageOfSeveralFramesIsMalformed) {
    RunningServer running(loopback());
    Client client(running.server);
    client.send_raw({"", encode(EnvRequest{.call = EnvCall::reset, .session = "", .text = ""})});
    EXPECT_EQ(client.receive().error, EnvErrorCode::malformed);
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
}

TEST(Server, AnOversizedMessageIsMalformedAndAHugeOneEndsTheConnection) {
    RunningServer running(loopback());
    Client client(running.server);
    EXPECT_EQ(client.ask_raw(std::string(kMaxMessageBytes + 1, ' ')).error,
              EnvErrorCode::malformed);
    Client abuser(running.server);
    abuser.send_raw({std::string(1 << 20, ' ')});
    EXPECT_TRUE(abuser.hears_nothing_for(milliseconds(100)));
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
}

TEST(Server, AnUnknownSessionIsNamedAsSuch) {
    RunningServer running(loopback());
    Client client(running.server);
    EXPECT_EQ(client.step("", "crane").error, EnvErrorCode::unknown_session);
    EXPECT_EQ(client.state("0123456789abcdef").error, EnvErrorCode::unknown_session);
    EXPECT_EQ(client.close("'; drop").error, EnvErrorCode::unknown_session);
}

// All sessions are open at once and each round is one message per session before any reply is
// read; every session keeps its own game.
void play_at_once(std::size_t sessions) {
    EnvOptions options = loopback();
    options.sessions_max = sessions;
    options.sessions_per_client = sessions;
    options.requests_per_second = 1e9;
    RunningServer running(options);
    Client client(running.server);
    const WordList words = fruit_words();
    for (std::uint64_t game = 0; game < sessions; ++game)
        client.send({EnvCall::reset, game, game, "", ""});
    std::vector<std::string> ids(sessions);
    for (std::size_t game = 0; game < sessions; ++game) {
        const EnvReply reply = client.receive();
        ASSERT_EQ(reply.error, EnvErrorCode::none) << reply.message;
        ids.at(reply.id) = reply.session;
    }
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), sessions);
    EXPECT_EQ(client.reset(0).error, EnvErrorCode::at_capacity);
    for (std::uint64_t game = 0; game < sessions; ++game)
        client.send({EnvCall::step, game, 0, ids[game], secret_for(words, game)});
    for (std::size_t game = 0; game < sessions; ++game) {
        const EnvReply reply = client.receive();
        ASSERT_TRUE(reply.won);
        ASSERT_EQ(reply.session, ids.at(reply.id));
    }
    EXPECT_EQ(running.server.stats().sessions, sessions);
    EXPECT_EQ(running.server.stats().won, sessions);
    EXPECT_EQ(running.server.stats().replies_dropped, 0u);
}

TEST(Server, Plays256GamesAtOnce) { play_at_once(256); }
TEST(Server, Plays10000GamesAtOnceWhenAsked) { play_at_once(10'000); }

TEST(Server, ClientsThatVanishDoNotStopIt) {
    RunningServer running(loopback());
    for (int visit = 0; visit < 20; ++visit) {
        Client gone(running.server);
        for (int message = 0; message < 5; ++message) gone.send({EnvCall::reset, 1, 1, "", ""});
    }
    Client client(running.server);
    EXPECT_EQ(client.reset(1).error, EnvErrorCode::none);
}

TEST(Server, APortInUseIsNamed) {
    const Server first(loopback());
    EnvOptions options = loopback();
    options.endpoint = first.endpoint();
    try {
        const Server second(options);
        FAIL() << "two servers at " << first.endpoint();
    } catch (const std::runtime_error& error) {
        const std::string what = error.what();
        EXPECT_NE(what.find(first.endpoint()), std::string::npos) << what;
        EXPECT_NE(what.find("in use"), std::string::npos) << what;
    }
}

TEST(Server, OptionsThatMakeNoGameAreRefused) {
    std::vector<EnvOptions> unfit(11, loopback());
    unfit[0].words.clear();
    unfit[1].secrets.clear();
    unfit[2].secrets = {"zzzzz"};
    unfit[3].sessions_max = 0;
    unfit[4].sessions_max = kSessionsCeiling + 1;
    unfit[5].session_expiry_s = 0;
    unfit[6].endpoint = "nowhere";
    unfit[7].sessions_per_client = 0;
    unfit[8].requests_per_second = 0;
    unfit[9].requests_per_second = std::numeric_limits<double>::infinity();
    unfit[10].endpoint = "tcp://0.0.0.0:*";  // other machines, and no keys
    for (std::size_t index = 0; index < unfit.size(); ++index)
        EXPECT_THROW(Server{unfit[index]}, std::runtime_error) << index;
}

TEST(Server, StopsSoonWhenAsked) {
    RunningServer running(loopback());
    const auto started = std::chrono::steady_clock::now();
    running.thread.request_stop();
    running.thread.join();
    EXPECT_LT(std::chrono::steady_clock::now() - started, milliseconds(2000));
}

}  // namespace
}  // namespace dws
