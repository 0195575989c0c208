// A small HTTP/1.1 server for tests, whose answers may go wrong on the wire on purpose. A thread
// per connection; no more connections than it says.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "experiments/fault_proxy/connection.h"
#include "experiments/fault_proxy/wire_message.h"

namespace dws {

// What happens to a response on its way.
enum class Delivery {
    whole,
    truncated,  // half of the body, then an orderly end of the connection
    reset,      // half of the body, then a TCP reset
    lost,       // an orderly end without a byte
};

struct Reply {
    WireResponse response;
    Delivery delivery = Delivery::whole;
    double bytes_per_s = 0;  // of the body; 0: as fast as it goes
};

class HttpServer {
public:
    // Called on many threads at once. The token is the server's: whoever waits watches it.
    using Handler = std::function<Reply(WireRequest request, std::stop_token stop)>;

    // Throws std::runtime_error when the address is taken.
    HttpServer(const HostPort& at, Handler handler);

    int port() const { return listener_.port(); }

private:
    struct Visitor {
        bool has_left = false;  // guarded by mutex_
        std::jthread thread;    // last member: joined first
    };

    void run(std::stop_token stop);
    void serve(Connection connection, std::stop_token stop);
    void forget_those_who_left();

    const Listener listener_;
    const Handler handler_;
    std::mutex mutex_;
    std::list<Visitor> visitors_;  // the list: of thread_ alone
    std::jthread thread_{[this](std::stop_token stop) { run(stop); }};  // last member
};

// Sends the reply. False when the connection is of no further use.
bool deliver(Connection& connection, const Reply& reply, bool has_body, std::stop_token stop);

}  // namespace dws
