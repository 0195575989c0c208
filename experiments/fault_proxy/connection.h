// One TCP connection, and the port where such come in: blocking, with deadlines, stoppable.
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dws {

struct HostPort {
    std::string host;  // an IPv4 address
    int port = 0;
};

// "127.0.0.1:7480" or "http://127.0.0.1:7480". Throws std::runtime_error for anything else.
HostPort host_port(const std::string& text);

class Connection {
public:
    Connection(int descriptor, std::stop_token stop) : descriptor_(descriptor), stop_(stop) {}
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    ~Connection();

    static Result<Connection> open(const HostPort& to, std::stop_token stop);

    // Appends what has come, waiting for it. False at the end, on a failure, after a minute of
    // silence and when stopped.
    bool read_more(std::string& into);
    bool write(std::string_view bytes);  // all of them; false as above
    bool has_ended() const;              // the other side has closed, or said what nobody asked
    void reset();                        // closes so that the other side reads "connection reset"

private:
    bool wait(short event) const;
    void close();

    int descriptor_ = -1;
    std::stop_token stop_;
};

class Listener {
public:
    // port 0: a free one. Throws std::runtime_error naming the address when it is taken.
    explicit Listener(const HostPort& at);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    int port() const { return port_; }
    // Empty when stopped.
    std::optional<Connection> accept(std::stop_token stop) const;

private:
    int descriptor_ = -1;
    int port_ = 0;
};

}  // namespace dws
