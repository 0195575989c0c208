#include "experiments/load/latencies.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

Latencies of(std::initializer_list<double> values_ms) {
    Latencies latencies;
    for (const double value : values_ms) latencies.add(value);
    return latencies;
}

TEST(Latencies, OfNothingTheQuantileIsZero) { EXPECT_EQ(Latencies().quantile_ms(0.5), 0); }

TEST(Latencies, AQuantileIsAValueThatWasMeasured) {
    const Latencies latencies = of({40, 10, 30, 20});
    EXPECT_EQ(latencies.quantile_ms(0.25), 10);
    EXPECT_EQ(latencies.quantile_ms(0.26), 20);
    EXPECT_EQ(latencies.quantile_ms(0.5), 20);
    EXPECT_EQ(latencies.quantile_ms(0.99), 40);
    EXPECT_EQ(latencies.quantile_ms(1), 40);
}

TEST(Latencies, OneSlowCallInAHundredIsTheLargestAndNotTheNinetyNinth) {
    Latencies latencies;
    latencies.add(1000);
    for (int call = 1; call < 100; ++call) latencies.add(call);
    EXPECT_EQ(latencies.quantile_ms(0.99), 99);
    EXPECT_EQ(latencies.quantile_ms(1), 1000);
}

TEST(Latencies, AShareThatIsNoBinaryFractionMeansTheRankItNames) {
    Latencies latencies;
    for (int call = 1; call <= 100; ++call) latencies.add(call);
    for (int rank = 1; rank <= 100; ++rank) EXPECT_EQ(latencies.quantile_ms(rank / 100.0), rank);
}

TEST(Latencies, ThoseOfSeveralThreadsCountTogether) {
    Latencies latencies = of({1, 2});
    latencies.add(of({3, 4}));
    EXPECT_EQ(latencies.count(), 4u);
    EXPECT_EQ(latencies.quantile_ms(0.75), 3);
}

TEST(Latencies, AskingChangesNothing) {
    const Latencies latencies = of({3, 1, 2});
    EXPECT_EQ(latencies.quantile_ms(1), 3);
    EXPECT_EQ(latencies.quantile_ms(0.1), 1);
    EXPECT_EQ(latencies.quantile_ms(1), 3);
}

}  // namespace
}  // namespace dws
