#include "sync/doorbell.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/clock.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

using std::chrono::milliseconds;

// A broker on ports of its own, and its thread.
struct RunningBroker {
    explicit RunningBroker(DoorbellFaults faults = {}, const SocketKeys& keys = {})
        : broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", faults, keys),
          inside(broker.inside_endpoint()),
          outside(broker.outside_endpoint()),
          thread([this](std::stop_token stop) { broker.run(stop); }) {}

    DoorbellBroker::Counts stop() {
        thread.request_stop();
        thread.join();
        return broker.counts();
    }

    DoorbellBroker broker;
    const std::string inside;
    const std::string outside;
    std::jthread thread;  // last member: joined first
};

// Connections come up in the background: rings until one is heard.
bool ring_until_heard(DoorbellRinger& ringer, DoorbellListener& listener) {
    return eventually([&] {
        ringer.ring("log", "version 1");
        return listener.wait(milliseconds{5}, {});
    });
}

TEST(Doorbell, ARingIsHeard) {
    RunningBroker broker;
    DoorbellRinger ringer(broker.inside);
    DoorbellListener listener(broker.outside, "log");
    EXPECT_TRUE(ring_until_heard(ringer, listener));
}

TEST(Doorbell, OtherTopicsAreNotHeard) {
    RunningBroker broker;
    DoorbellRinger ringer(broker.inside);
    DoorbellListener log(broker.outside, "log");
    DoorbellListener games(broker.outside, "games");
    ASSERT_TRUE(ring_until_heard(ringer, log));
    EXPECT_FALSE(games.wait(milliseconds{30}, {}));
}

TEST(Doorbell, RingsThatPiledUpCountOnce) {
    RunningBroker broker;
    DoorbellRinger ringer(broker.inside);
    DoorbellListener listener(broker.outside, "log");
    ASSERT_TRUE(ring_until_heard(ringer, listener));
    for (int ring = 0; ring < 100; ++ring) ringer.ring("log", "again");
    std::this_thread::sleep_for(milliseconds{100});
    EXPECT_TRUE(listener.wait(milliseconds{100}, {}));
    EXPECT_FALSE(listener.wait(milliseconds{50}, {}));
}

TEST(Doorbell, WhatIsNotARingIsIgnored) {
    RunningBroker broker;
    DoorbellRinger ringer(broker.inside);
    DoorbellListener listener(broker.outside, "log");
    ASSERT_TRUE(ring_until_heard(ringer, listener));
    while (listener.wait(milliseconds{50}, {})) continue;
    MessageSocket stranger = MessageSocket::connect(SocketKind::publisher, broker.inside);
    std::this_thread::sleep_for(milliseconds{200});  // until its connection is up
    stranger.send({"log"});
    stranger.send({"log", "a", "b"});
    stranger.send({"log", std::string(254, 'x')});
    EXPECT_FALSE(listener.wait(milliseconds{50}, {}));
    stranger.send({"log", std::string(253, 'x')});
    EXPECT_TRUE(listener.wait(milliseconds{2000}, {}));
}

SocketKeyPair pair_of(const Identity& identity) {
    return {identity.shared().exchange, identity.exchange_secret()};
}

// A broker with a key, one who may ring and listen, and one who may not.
struct KeyedDoorbell : testing::Test {
    const Identity own = Identity::generate();
    const Identity listed = Identity::generate();
    const Identity stranger = Identity::generate();
    RunningBroker broker{{}, {.own = pair_of(own), .clients = {listed.shared().exchange}}};

    DoorbellEnd end(const std::string& endpoint, const Identity& client) const {
        return {endpoint, {.own = pair_of(client), .server = own.shared().exchange}};
    }
};

TEST_F(KeyedDoorbell, PassesOnWhatTheListedRing) {
    DoorbellRinger ringer(end(broker.inside, listed));
    DoorbellListener listener(end(broker.outside, listed), "log");
    EXPECT_TRUE(ring_until_heard(ringer, listener));
}

TEST_F(KeyedDoorbell, StrangersNeitherRingNorHear) {
    DoorbellRinger ringer(end(broker.inside, listed));
    DoorbellListener listener(end(broker.outside, listed), "log");
    DoorbellListener curious(end(broker.outside, stranger), "log");
    DoorbellListener plain(broker.outside, "log");
    ASSERT_TRUE(ring_until_heard(ringer, listener));
    EXPECT_FALSE(curious.wait(milliseconds{50}, {}));
    EXPECT_FALSE(plain.wait(milliseconds{50}, {}));
    while (listener.wait(milliseconds{50}, {})) continue;

    DoorbellRinger intruder(end(broker.inside, stranger));
    DoorbellRinger without_key(broker.inside);
    for (int ring = 0; ring < 100; ++ring) {
        intruder.ring("log", "version 1000000");
        without_key.ring("log", "version 1000000");
        std::this_thread::sleep_for(milliseconds{2});
    }
    EXPECT_FALSE(listener.wait(milliseconds{50}, {}));
}

// What does not fit into the queues is dropped; who listens afterwards still hears.
TEST(Doorbell, AFloodCostsHintsAndNothingElse) {
    RunningBroker broker;
    DoorbellRinger ringer(broker.inside);
    DoorbellListener listener(broker.outside, "log");
    ASSERT_TRUE(ring_until_heard(ringer, listener));
    MessageSocket flood = MessageSocket::connect(SocketKind::publisher, broker.inside);
    for (int ring = 0; ring < 200'000; ++ring) flood.send({"log", std::string(200, 'x')});
    flood.send({"log", std::string(1 << 20, 'x')});  // longer than the broker takes
    while (listener.wait(milliseconds{100}, {})) continue;
    EXPECT_TRUE(ring_until_heard(ringer, listener));
}

TEST(Doorbell, WithoutAnEndpointOnlyTheTimePasses) {
    DoorbellRinger ringer("");
    ringer.ring("log", "nobody");
    DoorbellListener listener("", "log");
    const Stopwatch watch;
    EXPECT_FALSE(listener.wait(milliseconds{20}, {}));
    EXPECT_GE(watch.ms(), 19);
}

TEST(Doorbell, StopEndsTheWait) {
    for (const std::string endpoint : {"", "tcp://127.0.0.1:9"}) {
        DoorbellListener listener(endpoint, "log");
        std::stop_source source;
        const Stopwatch watch;
        std::jthread stopper([&] { source.request_stop(); });
        EXPECT_FALSE(listener.wait(milliseconds{60'000}, source.get_token()));
        EXPECT_LT(watch.seconds(), 2);
    }
}

TEST(Doorbell, AnUnusableEndpointIsRefusedAtOnce) {
    EXPECT_THROW(DoorbellListener("nonsense", "log"), std::runtime_error);
    EXPECT_THROW(DoorbellBroker("nonsense", "tcp://127.0.0.1:*", {}), std::runtime_error);
}

TEST(Doorbell, ABrokerThatDropsAllLetsNothingThrough) {
    RunningBroker broker({.drop = 1});
    DoorbellRinger ringer(broker.inside);
    DoorbellListener listener(broker.outside, "log");
    for (int ring = 0; ring < 100; ++ring) {
        ringer.ring("log", "lost");
        EXPECT_FALSE(listener.wait(milliseconds{3}, {}));
    }
    const DoorbellBroker::Counts counts = broker.stop();
    EXPECT_GT(counts.heard, 0u);
    EXPECT_EQ(counts.dropped, counts.heard);
    EXPECT_EQ(counts.sent, 0u);
}

TEST(Doorbell, ABrokerThatRepeatsAllSendsTwice) {
    RunningBroker broker({.repeat = 1, .delay_ms = 1});
    DoorbellRinger ringer(broker.inside);
    DoorbellListener listener(broker.outside, "log");
    ASSERT_TRUE(ring_until_heard(ringer, listener));
    std::this_thread::sleep_for(milliseconds{100});
    const DoorbellBroker::Counts counts = broker.stop();
    EXPECT_EQ(counts.repeated, counts.heard);
    EXPECT_EQ(counts.sent, 2 * counts.heard);
}

}  // namespace
}  // namespace dws
