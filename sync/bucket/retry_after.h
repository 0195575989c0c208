// How long a store asks to be left alone: the Retry-After header of 429 and 503 (RFC 9110, 10.2.3),
// or the RateLimit header of a 429 (draft-ietf-httpapi-ratelimit-headers), as Hugging Face sends
// it.
#pragma once

#include <string_view>

namespace dws {

// value: seconds, or a date; now_unix_s: for a date. 0 for anything else and for what has passed.
double retry_after_s(std::string_view value, double now_unix_s);

// value: "\"api\";r=0;t=55": 55 s until there is a new allowance. 0 for anything else.
double rate_limit_reset_s(std::string_view value);

// Seconds since 1970 of an HTTP date, "Sun, 06 Nov 1994 08:49:37 GMT"; 0 when it is none, or
// earlier.
double unix_s_of_http_date(std::string_view date);

}  // namespace dws
