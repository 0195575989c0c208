#include "base/curve_guard.h"

#include <fmt/format.h>
#include <zmq.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace dws {
namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";  // where RFC 27 says ZeroMQ asks
constexpr long kPoll_ms = 50;                                // how late a stop is noticed
// Version, id, domain, address, routing id, mechanism, key. No frame is longer than ZeroMQ's own
// limit for a short string.
constexpr std::size_t kRequestFrames = 7;
constexpr std::size_t kFrameBytes = 256;

std::string hex_of(const std::string& bytes) {
    std::string text;
    for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

// Empty when nothing whole of the right form is there. A longer frame is cut, and fits nothing.
std::vector<std::string> take_request(void* socket) {
    std::vector<std::string> frames;
    for (int more = 1; more != 0;) {
        char bytes[kFrameBytes];
        const int size = zmq_recv(socket, bytes, sizeof(bytes), ZMQ_DONTWAIT);
        if (size < 0) return {};
        if (frames.size() <= kRequestFrames)
            frames.emplace_back(bytes, std::min(static_cast<std::size_t>(size), sizeof(bytes)));
        std::size_t more_bytes = sizeof(more);
        if (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_bytes) != 0) return {};
    }
    return frames;
}

void send_answer(void* socket, const std::vector<std::string>& frames) {
    for (std::size_t index = 0; index < frames.size(); ++index) {
        const int flags = ZMQ_DONTWAIT | (index + 1 < frames.size() ? ZMQ_SNDMORE : 0);
        zmq_send(socket, frames[index].data(), frames[index].size(), flags);
    }
}

}  // namespace

void CurveGuard::CloseSocket::operator()(void* socket) const { zmq_close(socket); }

CurveGuard::CurveGuard(void* context, const std::vector<Key32>& clients, bool admits_anyone)
    : clients_(clients.begin(), clients.end()),
      admits_anyone_(admits_anyone),
      socket_(zmq_socket(context, ZMQ_REP)) {
    const int no_linger = 0;
    if (!socket_ || zmq_bind(socket_.get(), kEndpoint) != 0)
        throw std::runtime_error(std::string("cannot open a ZeroMQ socket: ") +
                                 zmq_strerror(zmq_errno()) + "; raise the open file limit");
    zmq_setsockopt(socket_.get(), ZMQ_LINGER, &no_linger, sizeof(no_linger));
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void CurveGuard::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        zmq_pollitem_t item{.socket = socket_.get(), .fd = 0, .events = ZMQ_POLLIN, .revents = 0};
        if (zmq_poll(&item, 1, kPoll_ms) <= 0) continue;
        const Request request = take_request(socket_.get());
        if (!request.empty()) send_answer(socket_.get(), answer(request));
    }
}

// Version, id, status, its text, the user's name (with each of its messages), nothing more.
CurveGuard::Request CurveGuard::answer(const Request& request) const {
    const std::string id = request.size() > 1 ? request[1] : "";
    const Request refused{"1.0", id, "400", "not admitted", "", ""};
    if (request.size() != kRequestFrames || request[0] != "1.0" || request[5] != "CURVE")
        return refused;
    const std::string& bytes = request[6];
    Key32 key;
    if (bytes.size() != key.size()) return refused;
    std::memcpy(key.data(), bytes.data(), key.size());
    if (!admits_anyone_ && !clients_.contains(key)) return refused;
    return {"1.0", id, "200", "OK", hex_of(bytes), ""};
}

}  // namespace dws
