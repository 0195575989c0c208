#include "experiments/fault_proxy/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace dws {
namespace {

constexpr int kStopLookedUp_ms = 50;   // a stop is seen this late at most
constexpr int kLongestSilence_s = 60;  // a client that keeps its connection idle opens another
constexpr std::size_t kReadBytes = 256 << 10;

sockaddr_in address_of(const HostPort& place) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(place.port));
    if (inet_pton(AF_INET, place.host.c_str(), &address.sin_addr) != 1)
        throw std::runtime_error(place.host + " is no IPv4 address");
    return address;
}

std::string reason() { return std::strerror(errno); }

// Without this the last part of a reply waits for the acknowledgement of the one before.
void send_at_once(int descriptor) {
    const int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

}  // namespace

HostPort host_port(const std::string& text) {
    const std::string scheme = "http://";
    const std::string place = text.starts_with(scheme) ? text.substr(scheme.size()) : text;
    const std::size_t colon = place.find(':');
    const std::string digits = colon == std::string::npos ? "" : place.substr(colon + 1);
    if (digits.empty() || digits.size() > 5 ||
        digits.find_first_not_of("0123456789") != std::string::npos || std::stoi(digits) > 65'535)
        throw std::runtime_error("'" + text + "' is not an address like 127.0.0.1:7480");
    return {place.substr(0, colon), std::stoi(digits)};
}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), stop_(std::move(other.stop_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(stop_, other.stop_);
    return *this;
}

Connection::~Connection() { close(); }

Result<Connection> Connection::open(const HostPort& to, std::stop_token stop) {
    const sockaddr_in address = address_of(to);
    Connection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), std::move(stop));
    if (connection.descriptor_ < 0 ||
        ::connect(connection.descriptor_, reinterpret_cast<const sockaddr*>(&address),
                  sizeof(address)) != 0)
        return Error{Fault::transport, to.host + ":" + std::to_string(to.port) + ": " + reason()};
    send_at_once(connection.descriptor_);
    return connection;
}

bool Connection::wait(short event) const {
    constexpr int kLooks = kLongestSilence_s * 1'000 / kStopLookedUp_ms;
    for (int look = 0; look < kLooks && !stop_.stop_requested(); ++look) {
        pollfd wanted{descriptor_, event, 0};
        const int ready = ::poll(&wanted, 1, kStopLookedUp_ms);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
    return false;
}

bool Connection::read_more(std::string& into) {
    if (!wait(POLLIN)) return false;
    const std::size_t before = into.size();
    into.resize(before + kReadBytes);
    const ssize_t got = ::recv(descriptor_, into.data() + before, kReadBytes, 0);
    into.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
    return got > 0;
}

bool Connection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (!wait(POLLOUT)) return false;
        const ssize_t sent =
            ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool Connection::has_ended() const {
    pollfd state{descriptor_, POLLIN, 0};
    return ::poll(&state, 1, 0) != 0;
}

void Connection::reset() {
    const linger at_once{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close();
}

void Connection::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

Listener::Listener(const HostPort& at) {
    sockaddr_in address = address_of(at);
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    socklen_t bytes = sizeof(address);
    if (::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), bytes) != 0 ||
        ::listen(descriptor_, 128) != 0 ||
        ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) {
        const std::string why = reason();
        ::close(descriptor_);
        throw std::runtime_error(at.host + ":" + std::to_string(at.port) + ": " + why);
    }
    port_ = ntohs(address.sin_port);
}

Listener::~Listener() { ::close(descriptor_); }

std::optional<Connection> Listener::accept(std::stop_token stop) const {
    while (!stop.stop_requested()) {
        pollfd wanted{descriptor_, POLLIN, 0};
        if (::poll(&wanted, 1, kStopLookedUp_ms) <= 0) continue;
        const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor < 0) continue;
        send_at_once(descriptor);
        return Connection(descriptor, stop);
    }
    return std::nullopt;
}

}  // namespace dws
