// HTTP by libcurl: one thread moves the bytes of all requests of a bucket at once, over connections
// that are kept. A request is sent once: nothing is retried, no redirect is followed, nothing is
// uncompressed. Servers prove themselves by TLS wherever the address says https.
//
// What a server can take from us is bounded: a body never goes past the room its request gives it,
// the text of a refusal past 64 KiB, headers past 64 KiB; a server that cannot be reached within
// 10 s, lets 20 s pass with less than 1 KiB a second, or is slower than 64 KiB/s over the whole of
// a request ends it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace dws {

struct HttpHeader {
    std::string name;  // in lower case
    std::string value;
};
using HttpHeaders = std::vector<HttpHeader>;

struct HttpReply {
    int status = 0;  // 0: no reply came; `failure` says why
    HttpHeaders headers;
    std::string text;                  // of a refusal, or where the request gives no room
    std::uint64_t body_bytes = 0;      // that came into the room
    std::string redirect;              // where a 3xx points, as a whole address
    bool is_elsewhere = false;         // a redirect was followed: not the store, but whom it named
    std::string failure;               // not empty: the request did not come to its end
    bool is_untrusted_server = false;  // the failure is that the server's certificate does not hold

    bool is_success() const { return failure.empty() && status >= 200 && status < 300; }
    // The first header of that name (lower case); empty when there is none.
    std::string_view header(std::string_view name) const;
};

// Memory for the body of a success whose status and headers are there. A longer body is cut there.
// Called on the client's thread.
using HttpRoom = std::function<std::span<std::byte>(const HttpReply&)>;

struct HttpRequest {
    std::string method;
    std::string url;  // http or https; its path is sent as it is
    HttpHeaders headers;
    std::span<const std::byte> body;  // sent where the method is PUT or POST; not owned
    HttpRoom room;                    // none: the body is `text`
    std::size_t expected_bytes = 0;   // of the body that comes: time-outs and buffers go by it
    std::size_t most_text_bytes = 64u << 10;  // more than that is cut, and a failure in a success
};

struct HttpOptions {
    std::string ca_file;         // of the authority to trust; empty: the system's
    double bytes_per_s = 0;      // of bodies, both ways and all requests together; 0: no limit
    std::size_t transfers = 16;  // at once; more wait their turn
    double connect_timeout_s = 10;
    double stall_timeout_s = 20;
    double slowest_bytes_per_s = 65'536;
    double stop_grace_s = 10;  // what is under way when stop is requested has this long to end
};

class HttpClient {
public:
    explicit HttpClient(HttpOptions options, std::stop_token stop = {});
    ~HttpClient();  // no request is under way

    // Blocks until the reply is there. Safe to call from several threads.
    HttpReply perform(const HttpRequest& request);

private:
    struct Parts;
    const std::unique_ptr<Parts> parts_;
};

}  // namespace dws
