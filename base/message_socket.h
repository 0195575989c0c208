// ZeroMQ, and all of it that this project uses: sockets that send and receive whole messages of a
// few frames. One thread owns a socket; move it, never share it. A message is lost rather than
// waited for: nothing that matters depends on one arriving.
//
// With keys every byte is encrypted, both ends prove who they are, and a listener hears those it
// was told to admit and nobody else (CURVE, ZeroMQ RFC 26). Without keys a socket stays on its
// machine: whoever reaches the port could speak.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/identity.h"
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
    int message_bytes = 1 << 20;   // a peer that sends a longer frame is disconnected; with keys
                                   // at least 1 KiB, which their handshake takes
};

// X25519, as an Identity has them.
struct SocketKeyPair {
    Key32 shared{};
    Key32 secret{};
};

struct SocketKeys {
    std::optional<SocketKeyPair> own = {};  // empty: no encryption, on this machine only
    std::optional<Key32> server = {};       // to connect: who must answer
    std::vector<Key32> clients = {};        // to listen: who may connect
    bool admits_anyone = false;             // to listen: whoever has any key, too
    bool is_insecure = false;               // without keys beyond this machine: so it was asked
};

class MessageSocket {
public:
    // endpoint: "tcp://host:port" or "ipc://path". Throws std::runtime_error naming the endpoint,
    // the cause ("Address already in use") and what to do when it cannot be bound, is malformed,
    // or can be reached from other machines and there are no keys.
    static MessageSocket bind(SocketKind kind, const std::string& endpoint, SocketLimits = {},
                              const SocketKeys& = {});
    // Connecting succeeds whether or not anybody listens; ZeroMQ retries in the background. So it
    // does where the listener has another key or does not admit this one: nothing is heard.
    static MessageSocket connect(SocketKind kind, const std::string& endpoint, SocketLimits = {},
                                 const SocketKeys& = {});

    MessageSocket(MessageSocket&&) noexcept;
    MessageSocket& operator=(MessageSocket&&) noexcept;
    ~MessageSocket();

    // False when the message was dropped (queue full, client gone).
    bool send(const Frames& frames);
    // Empty after the timeout; zero looks without waiting.
    std::optional<Frames> receive(std::chrono::milliseconds timeout);
    // Of the message received last, on a listener with keys: the client's public key, 64 hex
    // digits. Empty without keys.
    const std::string& sender() const;
    // The endpoint really bound, for "tcp://127.0.0.1:*".
    std::string endpoint() const;

private:
    struct State;
    explicit MessageSocket(std::unique_ptr<State> state);
    static MessageSocket open(SocketKind kind, SocketLimits limits, const SocketKeys& keys);
    std::unique_ptr<State> state_;
};

// Whether only this machine can reach it: 127.0.0.0/8, [::1], localhost, ipc.
bool is_loopback(const std::string& endpoint);

}  // namespace dws
