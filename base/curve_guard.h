// Who may connect to a listening socket: ZeroMQ asks before it lets a client's first message in
// (ZAP, RFC 27), and this answers. One per ZeroMQ context, created before the socket listens.
#pragma once

#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/identity.h"

namespace dws {

class CurveGuard {
public:
    // context: of ZeroMQ; not owned, outlives this. clients: admitted; anyone: whoever proved to
    // hold any key. Throws std::runtime_error when ZeroMQ gives no socket.
    CurveGuard(void* context, const std::vector<Key32>& clients, bool admits_anyone);

private:
    struct CloseSocket {
        void operator()(void* socket) const;
    };
    using Request = std::vector<std::string>;

    void run(std::stop_token stop);
    Request answer(const Request& request) const;

    const std::set<Key32> clients_;
    const bool admits_anyone_;
    std::unique_ptr<void, CloseSocket> socket_;  // the thread's
    std::jthread thread_;                        // last member: joined before the socket is closed
};

}  // namespace dws
