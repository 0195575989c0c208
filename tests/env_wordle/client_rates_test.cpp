#include "env_wordle/client_rates.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

int taken_at(ClientRates& rates, const std::string& client, double now_s, int tries) {
    int taken = 0;
    for (int ask = 0; ask < tries; ++ask) taken += rates.take(client, now_s) ? 1 : 0;
    return taken;
}

TEST(ClientRates, ASecondsWorthMayComeAtOnce) {
    ClientRates rates(10);
    EXPECT_EQ(taken_at(rates, "a", 100, 50), 10);
}

TEST(ClientRates, TheBucketFillsEvenlyAndNotAbove) {
    ClientRates rates(10);
    taken_at(rates, "a", 0, 50);
    EXPECT_EQ(taken_at(rates, "a", 0.55, 50), 5);
    EXPECT_EQ(taken_at(rates, "a", 0.65, 50), 1);
    EXPECT_EQ(taken_at(rates, "a", 1000, 50), 10);
}

TEST(ClientRates, OneClientDoesNotSpendAnothersTokens) {
    ClientRates rates(10);
    taken_at(rates, "a", 0, 50);
    EXPECT_EQ(taken_at(rates, "b", 0, 50), 10);
    EXPECT_EQ(taken_at(rates, "a", 0, 50), 0);
}

TEST(ClientRates, LessThanOnePerSecondIsOneNowAndThen) {
    ClientRates rates(0.5);
    EXPECT_EQ(taken_at(rates, "a", 0, 5), 1);
    EXPECT_EQ(taken_at(rates, "a", 1, 5), 0);
    EXPECT_EQ(taken_at(rates, "a", 2, 5), 1);
}

TEST(ClientRates, AClockThatStandsStillGivesNothing) {
    ClientRates rates(1);
    taken_at(rates, "a", 7, 1);
    EXPECT_EQ(taken_at(rates, "a", 7, 1000), 0);
}

TEST(ClientRates, NoMoreThanItsNumberOfClientsIsRemembered) {
    ClientRates rates(1);
    for (std::size_t client = 0; client < 2 * ClientRates::kClientsMax; ++client) {
        rates.take("busy", 0);  // whoever keeps asking is not the one that is forgotten
        rates.take(std::to_string(client), 0);
    }
    EXPECT_EQ(rates.clients(), ClientRates::kClientsMax);
    EXPECT_FALSE(rates.take("busy", 0));
}

}  // namespace
}  // namespace dws
