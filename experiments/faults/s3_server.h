// The S3 server of experiments/s3_server, for as long as this object lives.
#pragma once

#include <filesystem>
#include <string>

#include "experiments/fault_proxy/connection.h"

namespace dws {

class S3Server {
public:
    // scripts: experiments/s3_server. folder: everything it leaves. like: a server whose keys this
    // one has as well, or null. Throws NotPossible where the packages are missing, and
    // std::runtime_error with the script's words.
    S3Server(const std::filesystem::path& scripts, const std::filesystem::path& folder,
             const S3Server* like = nullptr, const std::string& address = "127.0.0.1");
    S3Server(const S3Server&) = delete;
    S3Server& operator=(const S3Server&) = delete;
    ~S3Server();

    // The bucket's address, through `port` of this machine instead of its own where one is given.
    std::string uri(int through_port = 0) const;
    HostPort place() const { return place_; }
    // Its keys, for this process and all that it starts. Before any thread is started.
    void put_keys_into_environment() const;
    // Kills the gateway alone, and starts it again after so long.
    void restart(double down_s) const;

private:
    const std::filesystem::path scripts_;
    const std::filesystem::path folder_;
    HostPort place_;
};

}  // namespace dws
