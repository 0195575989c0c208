// ZeroMQ, and all of it that this project uses: sockets that send and receive whole messages of a
// few frames. One thread owns a socket; move it, never share it. A message is lost rather than
// waited for: nothing that matters depends on one arriving.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace dws {

using Frames = std::vector<std::string>;

enum class SocketKind {
    router,      // server of many clients; first frame of a message is the client's identity
    dealer,      // client of a router
    publisher,   // PUB: sends to all that subscribed, receives nothing
    subscriber,  // SUB, subscribed to everything
    collector,   // XSUB: what a publisher connects to (the broker's inner side)
};

struct SocketLimits {
    int queued_messages = 10'000;  // each way; more are dropped
    int message_bytes = 1 << 20;   // a peer that sends a longer frame is disconnected
};

class MessageSocket {
public:
    // endpoint: "tcp://host:port" or "ipc://path". Throws std::runtime_error naming the endpoint
    // and the cause ("Address already in use") when it cannot be bound or is malformed.
    static MessageSocket bind(SocketKind kind, const std::string& endpoint, SocketLimits = {});
    // Connecting succeeds whether or not anybody listens; ZeroMQ retries in the background.
    static MessageSocket connect(SocketKind kind, const std::string& endpoint, SocketLimits = {});

    MessageSocket(MessageSocket&&) noexcept;
    MessageSocket& operator=(MessageSocket&&) noexcept;
    ~MessageSocket();

    // False when the message was dropped (queue full, client gone).
    bool send(const Frames& frames);
    // Empty after the timeout; zero looks without waiting.
    std::optional<Frames> receive(std::chrono::milliseconds timeout);
    // The endpoint really bound, for "tcp://127.0.0.1:*".
    std::string endpoint() const;

private:
    struct State;
    explicit MessageSocket(std::unique_ptr<State> state);
    static MessageSocket open(SocketKind kind, SocketLimits limits);
    std::unique_ptr<State> state_;
};

}  // namespace dws
