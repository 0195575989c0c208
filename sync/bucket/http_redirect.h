// A GET whose answer may be a pointer to another host, as Hugging Face's stores give it. Whoever it
// names gets a request of its own with nothing but the range in it: no signature, no token. Where
// it points is a key itself for a while, so it stands in no error text.
#pragma once

#include "sync/bucket/http_client.h"

namespace dws {

// Three hops at most, and never from https to http.
HttpReply get_following_redirects(HttpClient& http, const HttpRequest& first);

}  // namespace dws
