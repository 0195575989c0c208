#include "base/message_socket.h"

#include <arpa/inet.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "base/curve_guard.h"
#include "base/require.h"

namespace dws {
namespace {

// Closing waits this long for what was sent last; a program that ends must not hang on a peer.
constexpr int kLinger_ms = 100;
// A peer whose machine vanished is noticed by TCP, 30 s after it was last heard or after something
// sent was not acknowledged, and connected to again. ZeroMQ's own heartbeats stay off on both
// sides: a connection that they give up while its queue is full aborts the program (_input_stopped
// or !_io_error; libzmq issues 3937 and 4767, also in 4.3.4). A worker that was stopped for a
// minute, or an environment that is shouted at, would die of them.
constexpr int kProbeAfter_s = 10;
constexpr int kProbeEvery_s = 5;
constexpr int kProbes = 4;
constexpr int kUnacknowledged_ms = 30'000;
// Whoever connects and does not say who they are is disconnected after this.
constexpr int kHandshake_ms = 10'000;
// What CURVE adds to a frame (RFC 26: command name 8, nonce 8, box 16, flags 1).
constexpr int kCurveFrameBytes = 33;
// Of a frame with keys, at least: the handshake's frames pass the same limit, and INITIATE takes
// 257 bytes and the properties of the socket.
constexpr int kCurveLeastBytes = 1024;
constexpr std::size_t kMaxFrames = 16;  // four times the longest message of this project
// Asking ZeroMQ for longer and again is the same as asking once; its unit is an int of ms.
constexpr std::chrono::milliseconds kLongestPoll{60'000};

// A caller that waits for ever means this; adding more to a clock would overflow.
constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(24 * 365);

using Clock = std::chrono::steady_clock;

struct CloseSocket {
    void operator()(void* socket) const { zmq_close(socket); }
};
struct EndContext {
    void operator()(void* context) const { zmq_ctx_term(context); }
};

int type_of(SocketKind kind) {
    switch (kind) {
        case SocketKind::router:
            return ZMQ_ROUTER;
        case SocketKind::dealer:
            return ZMQ_DEALER;
        case SocketKind::publisher:
            return ZMQ_PUB;
        case SocketKind::subscriber:
            return ZMQ_SUB;
        case SocketKind::collector:
            return ZMQ_XSUB;
    }
    require(false, "a SocketKind is one of its enumerators");
    return -1;
}

// The whole of one frame that has arrived.
class Frame {
public:
    Frame() { zmq_msg_init(&message_); }
    ~Frame() { zmq_msg_close(&message_); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

    bool take_from(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
    bool has_next() { return zmq_msg_more(&message_) != 0; }
    std::string sender() {
        const char* name = zmq_msg_gets(&message_, "User-Id");  // as curve_guard.cpp gave it
        return name == nullptr ? "" : name;
    }
    std::string text() {
        return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
    }

private:
    zmq_msg_t message_;
};

// Empty when nothing is there. ZeroMQ shows the first frame only when the last one has come.
// Frames past the limit are read, because they are in the way, but not kept.
Frames take_message(void* socket, std::string& sender) {
    Frames frames;
    Frame frame;
    while (frame.take_from(socket)) {
        sender = frame.sender();
        if (frames.size() <= kMaxFrames) frames.push_back(frame.text());
        if (!frame.has_next()) break;
    }
    return frames;
}

void wait_readable(void* socket, Clock::duration longest) {
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(longest);
    zmq_pollitem_t item{.socket = socket, .fd = 0, .events = ZMQ_POLLIN, .revents = 0};
    // Interrupted or not: the caller looks again and keeps the time.
    zmq_poll(&item, 1, std::min(rounded, kLongestPoll).count());
}

}  // namespace

// A context of its own: two threads more per socket, of which a process has a handful, but
// nothing is shared, and the destructor ends all that the socket started.
struct MessageSocket::State {
    std::unique_ptr<void, EndContext> context{zmq_ctx_new()};
    std::unique_ptr<CurveGuard> guard;          // of a listener with keys
    std::unique_ptr<void, CloseSocket> socket;  // closed before the context ends
    std::string sender;                         // of the message received last

    void set(int option, const void* value, std::size_t bytes) {
        const int status = zmq_setsockopt(socket.get(), option, value, bytes);
        require(status == 0, "ZeroMQ takes the options of this file");
    }
    void set(int option, int value) { set(option, &value, sizeof(value)); }
    void set(int option, const Key32& key) { set(option, key.data(), key.size()); }
};

namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";

// The host of "tcp://host:port"; empty when it is nothing of that form.
std::string host_of(const std::string& endpoint) {
    const std::size_t colon = endpoint.rfind(':');
    if (!endpoint.starts_with(kTcp) || colon < kTcp.size()) return "";
    return endpoint.substr(kTcp.size(), colon - kTcp.size());
}

// What cannot be right whatever the machine is: another transport, no host.
bool has_form(const std::string& endpoint) {
    return endpoint.starts_with(kIpc) || !host_of(endpoint).empty();
}

// Before anything is opened: who would be let in, or believed.
void refuse_strangers(const std::string& verb, const std::string& endpoint, const SocketKeys& keys,
                      bool has_other_end) {
    const auto say = [&](const std::string& why) {
        throw std::runtime_error("cannot " + verb + " " + endpoint + why);
    };
    if (!has_form(endpoint)) say(": expected tcp://host:port or ipc://path of this machine");
    if (keys.own && !has_other_end)
        say(" with keys: the other end's public key is not known; `dws keygen` prints it there");
    if (keys.own || keys.is_insecure || is_loopback(endpoint)) return;
    say(" without keys: other machines reach it, and whoever does could speak; make a pair with "
        "`dws keygen` and set keys.own, or stay on 127.0.0.1 (keys.insecure: true allows it)");
}

[[noreturn]] void refuse(const char* verb, const std::string& endpoint) {
    const int cause = zmq_errno();
    const char* next = cause == EADDRINUSE
                           ? "; end the other process or choose another port"
                           : "; expected tcp://host:port or ipc://path of this machine";
    throw std::runtime_error(std::string("cannot ") + verb + " " + endpoint + ": " +
                             zmq_strerror(cause) + next);
}

}  // namespace

MessageSocket::MessageSocket(std::unique_ptr<State> state) : state_(std::move(state)) {}
MessageSocket::MessageSocket(MessageSocket&&) noexcept = default;
MessageSocket& MessageSocket::operator=(MessageSocket&&) noexcept = default;
MessageSocket::~MessageSocket() = default;

MessageSocket MessageSocket::open(SocketKind kind, SocketLimits limits, const SocketKeys& keys) {
    auto state = std::make_unique<State>();
    state->socket.reset(zmq_socket(state->context.get(), type_of(kind)));
    if (!state->socket)
        throw std::runtime_error(std::string("cannot open a ZeroMQ socket: ") +
                                 zmq_strerror(zmq_errno()) + "; raise the open file limit");
    state->set(ZMQ_LINGER, kLinger_ms);
    state->set(ZMQ_SNDHWM, limits.queued_messages);
    state->set(ZMQ_RCVHWM, limits.queued_messages);
    state->set(ZMQ_TCP_KEEPALIVE, 1);
    state->set(ZMQ_TCP_KEEPALIVE_IDLE, kProbeAfter_s);
    state->set(ZMQ_TCP_KEEPALIVE_INTVL, kProbeEvery_s);
    state->set(ZMQ_TCP_KEEPALIVE_CNT, kProbes);
    state->set(ZMQ_TCP_MAXRT, kUnacknowledged_ms);
    state->set(ZMQ_HANDSHAKE_IVL, kHandshake_ms);
    const std::int64_t frame_bytes =
        keys.own ? std::max(limits.message_bytes, kCurveLeastBytes) + kCurveFrameBytes
                 : limits.message_bytes;
    state->set(ZMQ_MAXMSGSIZE, &frame_bytes, sizeof(frame_bytes));
    if (keys.own) {
        if (zmq_has("curve") == 0)
            throw std::runtime_error("this ZeroMQ was built without CURVE: install another libzmq");
        state->set(ZMQ_CURVE_PUBLICKEY, keys.own->shared);
        state->set(ZMQ_CURVE_SECRETKEY, keys.own->secret);
    }
    if (kind == SocketKind::router) state->set(ZMQ_ROUTER_MANDATORY, 1);  // a lost reply is false
    if (kind == SocketKind::subscriber) state->set(ZMQ_SUBSCRIBE, "", 0);
    if (kind == SocketKind::collector) zmq_send(state->socket.get(), "\x01", 1, 0);  // subscribe
    return MessageSocket(std::move(state));
}

MessageSocket MessageSocket::bind(SocketKind kind, const std::string& endpoint, SocketLimits limits,
                                  const SocketKeys& keys) {
    refuse_strangers("listen on", endpoint, keys, keys.admits_anyone || !keys.clients.empty());
    MessageSocket opened = open(kind, limits, keys);
    State& state = *opened.state_;
    if (keys.own) {
        state.guard =
            std::make_unique<CurveGuard>(state.context.get(), keys.clients, keys.admits_anyone);
        state.set(ZMQ_CURVE_SERVER, 1);
        state.set(ZMQ_ZAP_DOMAIN, "dws", 3);
    }
    if (zmq_bind(state.socket.get(), endpoint.c_str()) != 0) refuse("listen on", endpoint);
    return opened;
}

MessageSocket MessageSocket::connect(SocketKind kind, const std::string& endpoint,
                                     SocketLimits limits, const SocketKeys& keys) {
    refuse_strangers("connect to", endpoint, keys, keys.server.has_value());
    MessageSocket opened = open(kind, limits, keys);
    if (keys.own) opened.state_->set(ZMQ_CURVE_SERVERKEY, *keys.server);
    if (zmq_connect(opened.state_->socket.get(), endpoint.c_str()) != 0)
        refuse("connect to", endpoint);
    return opened;
}

// When a peer goes away in the middle of a message, ZeroMQ swallows the rest of the frames: all
// are sent, so that the next message starts at its first.
bool MessageSocket::send(const Frames& frames) {
    bool is_sent = !frames.empty();
    for (std::size_t index = 0; index < frames.size(); ++index) {
        const bool is_last = index + 1 == frames.size();
        const int flags = ZMQ_DONTWAIT | (is_last ? 0 : ZMQ_SNDMORE);
        const std::string& frame = frames[index];
        if (zmq_send(state_->socket.get(), frame.data(), frame.size(), flags) >= 0) continue;
        is_sent = false;
        if (index == 0) break;  // nothing of it has begun
    }
    return is_sent;
}

std::optional<Frames> MessageSocket::receive(std::chrono::milliseconds timeout) {
    const Clock::time_point deadline = Clock::now() + std::min(timeout, kLongestWait);
    while (true) {
        Frames frames = take_message(state_->socket.get(), state_->sender);
        if (!frames.empty() && frames.size() <= kMaxFrames) return frames;
        const Clock::duration left = deadline - Clock::now();
        if (left <= Clock::duration::zero()) return std::nullopt;
        if (frames.empty()) wait_readable(state_->socket.get(), left);
    }
}

const std::string& MessageSocket::sender() const { return state_->sender; }

std::string MessageSocket::endpoint() const {
    char text[256] = {};  // ZeroMQ's own limit for an endpoint
    std::size_t size = sizeof(text);
    const int status = zmq_getsockopt(state_->socket.get(), ZMQ_LAST_ENDPOINT, text, &size);
    require(status == 0, "a socket that is bound or connected has an endpoint");
    return text;
}

bool is_loopback(const std::string& endpoint) {
    if (endpoint.starts_with(kIpc)) return true;
    const std::string host = host_of(endpoint);
    in_addr address{};
    if (inet_pton(AF_INET, host.c_str(), &address) == 1)
        return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
    return host == "localhost" || host == "[::1]";
}

}  // namespace dws
