// Requests and responses of HTTP/1.1 as they stand on a connection, whole: enough for a proxy that
// changes them on purpose. Bodies come with a length or in chunks and leave with a length.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "experiments/fault_proxy/connection.h"

namespace dws {

// Names in lower case.
using WireFields = std::vector<std::pair<std::string, std::string>>;

const std::string* find_field(const WireFields& fields, std::string_view name);
void erase_field(WireFields& fields, std::string_view name);
void set_field(WireFields& fields, std::string_view name, std::string value);

struct WireRequest {
    std::string method;
    std::string path;   // encoded, with a leading '/'
    std::string query;  // encoded, without '?'
    WireFields fields;
    std::string body;
};

struct WireResponse {
    int status = 0;
    std::string reason;
    WireFields fields;
    std::string body;
};

// One connection, read message by message.
class MessageReader {
public:
    explicit MessageReader(Connection& connection) : connection_(connection) {}

    // Fault::missing when the connection ended between two messages, Fault::corrupt for what is no
    // HTTP or too much of it. Answers "100 Continue" to a client that waits for it.
    Result<WireRequest> request();
    // method: of the request it answers; HEAD has no body.
    Result<WireResponse> response(std::string_view method);

private:
    struct Head {
        std::string first_line;
        WireFields fields;
    };

    Result<Head> head();
    Result<std::string> body(const WireFields& fields, bool is_until_end);
    Result<std::string> chunks();
    Result<std::string> line();
    Result<std::string> take(std::size_t bytes);

    Connection& connection_;
    std::string unread_;
};

// A request on the wire. The length of the body is added.
std::string wire_form(const WireRequest& request);
// The head of a response. The length is its body's unless it names one itself, as HEAD's does.
std::string wire_head(const WireResponse& response);

}  // namespace dws
