#include "experiments/fault_proxy/http_server.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/stop_signal.h"

namespace dws {
namespace {

constexpr std::size_t kConnections = 256;  // of clients under test, each with a handful
constexpr double kSliceOfSlowness_s = 0.05;

bool write_slowly(Connection& connection, std::string_view bytes, double bytes_per_s,
                  std::stop_token stop) {
    const auto slice =
        std::max<std::size_t>(1, static_cast<std::size_t>(bytes_per_s * kSliceOfSlowness_s));
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, slice);
        if (!connection.write(part)) return false;
        bytes.remove_prefix(part.size());
        if (!bytes.empty() && sleep_or_stop(kSliceOfSlowness_s, stop)) return false;
    }
    return true;
}

}  // namespace

bool deliver(Connection& connection, const Reply& reply, bool has_body, std::stop_token stop) {
    if (reply.delivery == Delivery::lost) return false;
    std::string_view body = reply.response.body;
    const bool is_whole = reply.delivery == Delivery::whole;
    if (!is_whole) body = body.substr(0, body.size() / 2);
    bool is_sent = connection.write(wire_head(reply.response));
    if (is_sent && has_body) {
        is_sent = reply.bytes_per_s > 0
                      ? write_slowly(connection, body, reply.bytes_per_s, std::move(stop))
                      : connection.write(body);
    }
    if (reply.delivery == Delivery::reset) connection.reset();
    return is_sent && is_whole;
}

HttpServer::HttpServer(const HostPort& at, Handler handler)
    : listener_(at), handler_(std::move(handler)) {}

void HttpServer::run(std::stop_token stop) {
    while (std::optional<Connection> connection = listener_.accept(stop)) {
        forget_those_who_left();
        if (visitors_.size() >= kConnections) continue;  // closed: the client tries again
        Visitor& visitor = visitors_.emplace_back();
        visitor.thread =
            std::jthread([this, &visitor, stop, own = std::move(*connection)]() mutable {
                serve(std::move(own), stop);
                const std::lock_guard lock(mutex_);
                visitor.has_left = true;
            });
    }
    visitors_.clear();  // joins them; their waits watch `stop`
}

void HttpServer::serve(Connection connection, std::stop_token stop) {
    MessageReader reader(connection);
    while (!stop.stop_requested()) {
        Result<WireRequest> request = reader.request();
        if (!request) return;
        const bool has_body = request->method != "HEAD";
        if (!deliver(connection, handler_(std::move(*request), stop), has_body, stop)) return;
    }
}

void HttpServer::forget_those_who_left() {
    std::list<Visitor> gone;  // joined without the lock
    const std::lock_guard lock(mutex_);
    for (auto at = visitors_.begin(); at != visitors_.end();) {
        const auto next = std::next(at);
        if (at->has_left) gone.splice(gone.end(), visitors_, at);
        at = next;
    }
}

}  // namespace dws
