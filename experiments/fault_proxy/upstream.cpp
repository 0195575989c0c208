#include "experiments/fault_proxy/upstream.h"

#include <utility>

namespace dws {
namespace {

constexpr std::size_t kIdleConnections = 32;

}  // namespace

Result<WireResponse> Upstream::send(const WireRequest& request, std::stop_token stop) {
    Result<Connection> opened = connection(std::move(stop));
    if (!opened) return opened.error();
    if (!opened->write(wire_form(request)))
        return Error{Fault::transport, "the store ended the connection"};
    Result<WireResponse> response = MessageReader(*opened).response(request.method);
    if (!response) return Error{Fault::transport, "the store: " + response.error().detail};
    const std::string* connection = find_field(response->fields, "connection");
    const bool is_closing =
        connection != nullptr && *connection != "Keep-Alive" && *connection != "keep-alive";
    erase_field(response->fields, "connection");
    const std::lock_guard lock(mutex_);
    if (!is_closing && idle_.size() < kIdleConnections) idle_.push_back(std::move(*opened));
    return response;
}

Result<Connection> Upstream::connection(std::stop_token stop) {
    {
        const std::lock_guard lock(mutex_);
        while (!idle_.empty()) {
            Connection last = std::move(idle_.back());
            idle_.pop_back();
            if (!last.has_ended()) return last;
        }
    }
    return Connection::open(at_, std::move(stop));
}

}  // namespace dws
