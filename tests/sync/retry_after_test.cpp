#include "sync/bucket/retry_after.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

constexpr double kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

TEST(RetryAfter, TakesSeconds) {
    EXPECT_EQ(retry_after_s("120", kNow), 120);
    EXPECT_EQ(retry_after_s("0", kNow), 0);
}

TEST(RetryAfter, TakesADate) {
    EXPECT_EQ(retry_after_s("Sun, 06 Nov 1994 08:50:37 GMT", kNow), 60);
    EXPECT_EQ(retry_after_s("Sun, 06 Nov 1994 08:48:37 GMT", kNow), 0);
}

TEST(RetryAfter, AnythingElseIsNothing) {
    for (const char* value : {"", "-5", "5 s", "soon", "1.5", "Sun, 06 Nov 1994",
                              "99999999999999999999", "Sun, 06 Nov 1994 08:50:37 GMT, then"}) {
        EXPECT_EQ(retry_after_s(value, kNow), 0) << value;
    }
}

TEST(RetryAfter, TakesTheResetOfARateLimit) {
    EXPECT_EQ(rate_limit_reset_s("\"api\";r=0;t=55"), 55);
    for (const char* value : {"", "\"api\";r=0", "t=5", ";t=", ";t=x", ";t=-1"})
        EXPECT_EQ(rate_limit_reset_s(value), 0) << value;
}

TEST(HttpDate, IsSecondsSince1970) {
    EXPECT_EQ(unix_s_of_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kNow);
    EXPECT_EQ(unix_s_of_http_date("yesterday"), 0);
}

}  // namespace
}  // namespace dws
