#include "configs/socket_keys.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

namespace dws {
namespace {

const std::string kRemote = "tcp://environment.example:5555";

struct SocketKeysTest : testing::Test {
    const Identity own = Identity::generate();
    const Identity other = Identity::generate();
    const std::optional<Identity> nobody;
    Config config;

    static std::string refusal(const std::function<void()>& call) {
        try {
            call();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
    static void expect_names(const std::string& said, const std::string& key) {
        EXPECT_NE(said.find(key), std::string::npos) << said;
        EXPECT_NE(said.find("dws keygen"), std::string::npos) << said;
    }
};

TEST_F(SocketKeysTest, AConfigWithoutKeysGivesNone) {
    EXPECT_FALSE(own_identity(config.keys));
    EXPECT_FALSE(keys_of_environment(config, nobody).own);
    EXPECT_FALSE(keys_to_environment(config, nobody).own);
    EXPECT_FALSE(keys_to_doorbell(config, nobody).own);
    EXPECT_FALSE(keys_to_doorbell(config, nobody).is_insecure);
}

TEST_F(SocketKeysTest, TheOperatorsWordIsPassedOn) {
    config.keys.insecure = true;
    EXPECT_TRUE(keys_of_environment(config, nobody).is_insecure);
    EXPECT_TRUE(keys_to_environment(config, nobody).is_insecure);
}

TEST_F(SocketKeysTest, TheEnvironmentAdmitsTheWorkers) {
    config.keys.workers = {other.shared().text()};
    config.keys.environment = own.shared().text();
    const SocketKeys keys = keys_of_environment(config, own);
    ASSERT_TRUE(keys.own);
    EXPECT_EQ(keys.own->shared, own.shared().exchange);
    EXPECT_EQ(keys.own->secret, own.exchange_secret());
    EXPECT_EQ(keys.clients, std::vector{other.shared().exchange});
    EXPECT_FALSE(keys.admits_anyone);
}

TEST_F(SocketKeysTest, AnEnvironmentThatAdmitsNobodyIsRefused) {
    expect_names(refusal([&] { keys_of_environment(config, own); }), "keys.workers");
}

TEST_F(SocketKeysTest, AnEnvironmentWithAnotherKeyThanWorkersExpectIsRefused) {
    config.keys.workers = {other.shared().text()};
    config.keys.environment = other.shared().text();
    const std::string said = refusal([&] { keys_of_environment(config, own); });
    EXPECT_NE(said.find("keys.environment"), std::string::npos) << said;
    EXPECT_NE(said.find(own.shared().text()), std::string::npos) << said;
}

TEST_F(SocketKeysTest, AnEnvironmentThatIsExpectedToHaveAKeyAndHasNoneIsRefused) {
    config.keys.environment = other.shared().text();
    expect_names(refusal([&] { keys_of_environment(config, nobody); }), "keys.own");
}

TEST_F(SocketKeysTest, AWorkerExpectsTheEnvironmentsKey) {
    config.keys.environment = other.shared().text();
    const SocketKeys keys = keys_to_environment(config, own);
    ASSERT_TRUE(keys.own);
    EXPECT_EQ(keys.own->shared, own.shared().exchange);
    EXPECT_EQ(keys.server, other.shared().exchange);
    expect_names(refusal([&] { keys_to_environment(config, nobody); }), "keys.own");
}

TEST_F(SocketKeysTest, TheKeyOfAnEnvironmentElsewhereMustBeKnown) {
    EXPECT_FALSE(keys_to_environment(config, own).own) << "on one machine it need not";
    config.env.endpoint = kRemote;
    expect_names(refusal([&] { keys_to_environment(config, own); }), "keys.environment");
}

TEST_F(SocketKeysTest, TheDoorbellsKeyIsThatOfBothSides) {
    config.doorbell.inside = "tcp://127.0.0.1:1";
    config.doorbell.outside = kRemote;
    expect_names(refusal([&] { keys_to_doorbell(config, own); }), "keys.doorbell");
    config.keys.doorbell = other.shared().text();
    EXPECT_EQ(keys_to_doorbell(config, own).server, other.shared().exchange);
}

TEST_F(SocketKeysTest, AFileThatIsNotThereIsNamed) {
    config.keys.own = "/nowhere/me.key";
    const std::string said = refusal([&] { own_identity(config.keys); });
    EXPECT_NE(said.find("/nowhere/me.key"), std::string::npos) << said;
}

}  // namespace
}  // namespace dws
