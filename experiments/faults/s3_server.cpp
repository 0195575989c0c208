#include "experiments/faults/s3_server.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "experiments/faults/call.h"
#include "experiments/faults/not_possible.h"

namespace dws {
namespace {

constexpr int kPackagesMissing = 77;  // up.sh says so

// The lines `export A=b C='d'` of the server's environment file.
std::map<std::string, std::string> exported(const std::filesystem::path& file) {
    std::map<std::string, std::string> values;
    std::ifstream input(file);
    for (std::string line; std::getline(input, line);) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word) || word != "export") continue;
        while (words >> word) {
            const std::size_t equals = word.find('=');
            std::string value = word.substr(equals + 1);
            if (value.starts_with('\'')) value = value.substr(1, value.size() - 2);
            values[word.substr(0, equals)] = value;
        }
    }
    return values;
}

}  // namespace

S3Server::S3Server(const std::filesystem::path& scripts, const std::filesystem::path& folder,
                   const S3Server* like, const std::string& address)
    : scripts_(scripts), folder_(folder) {
    std::vector<std::string> command{(scripts / "up.sh").string(), folder.string(), "--owner",
                                     std::to_string(::getpid()),   "--address",     address};
    if (like != nullptr) command.insert(command.end(), {"--like", like->folder_.string()});
    const Called called = call(command, 60);
    if (called.status == kPackagesMissing) throw NotPossible(called.text);
    if (called.status != 0) throw std::runtime_error("no S3 server: " + called.text);
    const std::string text = exported(folder / "env")["DWS_S3_ENDPOINT"];
    place_ = host_port(text);
}

S3Server::~S3Server() { call({(scripts_ / "down.sh").string(), folder_.string()}, 30); }

std::string S3Server::uri(int through_port) const {
    // Beyond loopback this machine still talks to itself alone: the network is the experiment's.
    const bool is_loopback = place_.host == "127.0.0.1";
    return fmt::format("s3://dws?endpoint=http://{}:{}&region=us-east-1&style=path{}",
                       through_port == 0 ? place_.host : "127.0.0.1",
                       through_port == 0 ? place_.port : through_port,
                       is_loopback ? "" : "&insecure=true");
}

void S3Server::put_keys_into_environment() const {
    for (const auto& [name, value] : exported(folder_ / "env"))
        if (name.starts_with("AWS_")) ::setenv(name.c_str(), value.c_str(), 1);
}

void S3Server::restart(double down_s) const {
    const Called called = call(
        {(scripts_ / "restart.sh").string(), folder_.string(), fmt::format("{:.3f}", down_s)}, 60);
    if (called.status != 0) throw std::runtime_error("no S3 server again: " + called.text);
}

}  // namespace dws
