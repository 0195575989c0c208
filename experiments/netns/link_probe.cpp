// link_probe: what a link gives to TCP. `serve` answers one prober after another; `measure` sends
// one byte back and forth, then as much as the link takes, and prints round trip and rate.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"

namespace dws {
namespace {

constexpr char kEcho = 'e';  // the server sends it back
constexpr char kBulk = 'b';  // from here on the server only reads, and answers the end
constexpr int kRoundTrips = 10;
constexpr std::size_t kChunk = 1 << 18;

class Socket {
public:
    explicit Socket(int number) : number_(number) {
        if (number < 0) throw std::runtime_error(std::strerror(errno));
        const int on = 1;
        setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    ~Socket() { close(number_); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int number() const { return number_; }

    bool send_all(const char* bytes, std::size_t size) {
        for (std::size_t sent = 0; sent < size;) {
            const ssize_t more = send(number_, bytes + sent, size - sent, MSG_NOSIGNAL);
            if (more <= 0) return false;
            sent += static_cast<std::size_t>(more);
        }
        return true;
    }
    // 0: the other end has closed.
    std::size_t receive(char* bytes, std::size_t size) {
        const ssize_t received = recv(number_, bytes, size, 0);
        return received > 0 ? static_cast<std::size_t>(received) : 0;
    }
    tcp_info information() const {
        tcp_info information{};
        socklen_t size = sizeof(information);
        getsockopt(number_, IPPROTO_TCP, TCP_INFO, &information, &size);
        return information;
    }

private:
    const int number_;
};

sockaddr_in address_of(const std::string& host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
        throw std::runtime_error("not an IPv4 address: " + host);
    return address;
}

// Until the process is ended.
void serve(const std::string& host, int port) {
    const Socket listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(listener.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const sockaddr_in address = address_of(host, port);
    if (bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
            0 ||
        listen(listener.number(), 4) != 0)
        throw std::runtime_error(fmt::format("{}:{}: {}", host, port, std::strerror(errno)));
    std::vector<char> chunk(kChunk);
    while (true) {
        Socket prober(accept(listener.number(), nullptr, nullptr));
        char kind = 0;
        while (prober.receive(&kind, 1) == 1 && kind == kEcho)
            if (!prober.send_all(&kind, 1)) break;
        if (kind != kBulk) continue;
        while (prober.receive(chunk.data(), chunk.size()) > 0) continue;
        prober.send_all(&kind, 1);
    }
}

void measure(const std::string& host, int port, double seconds) {
    Socket server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = address_of(host, port);
    if (connect(server.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        throw std::runtime_error(fmt::format("{}:{}: {}", host, port, std::strerror(errno)));
    std::vector<double> round_trips_ms;
    char answer = 0;
    for (int trip = 0; trip < kRoundTrips; ++trip) {
        const Stopwatch watch;
        if (!server.send_all(&kEcho, 1) || server.receive(&answer, 1) != 1)
            throw std::runtime_error("the connection ended");
        round_trips_ms.push_back(watch.ms());
    }
    std::sort(round_trips_ms.begin(), round_trips_ms.end());

    const std::vector<char> chunk(kChunk, 'x');
    server.send_all(&kBulk, 1);
    // The first half opens TCP's window; what counts is what arrives in the second.
    const Stopwatch warming;
    while (warming.seconds() < seconds / 2) server.send_all(chunk.data(), chunk.size());
    const tcp_info before = server.information();
    const Stopwatch measured;
    while (measured.seconds() < seconds / 2) server.send_all(chunk.data(), chunk.size());
    const tcp_info after = server.information();
    const double rate = 8e-6 *
                        static_cast<double>(after.tcpi_bytes_acked - before.tcpi_bytes_acked) /
                        measured.seconds();
    shutdown(server.number(), SHUT_WR);
    server.receive(&answer, 1);
    fmt::print("round_trip_ms {:.2f} megabit_per_s {:.0f} retransmitted {}\n",
               round_trips_ms[round_trips_ms.size() / 2], rate, after.tcpi_total_retrans);
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    CLI::App app{"What a link gives to TCP."};
    app.require_subcommand(1);
    std::string host;
    int port = 0;
    double seconds = 4;
    CLI::App* serve = app.add_subcommand("serve", "answer until ended");
    CLI::App* measure = app.add_subcommand("measure", "round trip and rate to a server");
    for (CLI::App* verb : {serve, measure}) {
        verb->add_option("address", host)->required();
        verb->add_option("port", port)->required()->check(CLI::Range(1, 65535));
    }
    measure->add_option("--seconds", seconds)->check(CLI::Range(0.1, 600.0));
    CLI11_PARSE(app, argc, argv);
    try {
        serve->parsed() ? dws::serve(host, port) : dws::measure(host, port, seconds);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "link_probe: {}\n", error.what());
        return 1;
    }
}
