#include "configs/socket_keys.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "base/require.h"

namespace dws {
namespace {

PublicIdentity identity_of(const std::string& text) {
    const Result<PublicIdentity> identity = parse_identity(text);
    require(bool(identity), "the config's reader has checked the texts of keys");
    return *identity;
}

SocketKeyPair pair_of(const Identity& own) {
    return {own.shared().exchange, own.exchange_secret()};
}

// key: "keys.environment"; server: what it says.
SocketKeys to_listen(const std::string& key, const std::string& server,
                     const std::optional<Identity>& own, const std::vector<std::string>& clients,
                     bool is_insecure) {
    SocketKeys keys{.is_insecure = is_insecure};
    if (!own && !server.empty())
        throw std::runtime_error(key +
                                 " says who answers here: name the file of its private key "
                                 "with --set keys.own=NAME.key (`dws keygen NAME` makes it)");
    if (!own) return keys;
    if (!server.empty() && identity_of(server) != own->shared())
        throw std::runtime_error(key +
                                 " is not the public key of keys.own: those who connect "
                                 "would hear nothing; the text of keys.own is " +
                                 own->shared().text());
    if (clients.empty())
        throw std::runtime_error(
            "keys.workers: list the public keys of those who may connect "
            "(`dws keygen` on their machines prints them)");
    keys.own = pair_of(*own);
    for (const std::string& client : clients) keys.clients.push_back(identity_of(client).exchange);
    return keys;
}

SocketKeys to_connect(const std::string& key, const std::string& server,
                      const std::string& endpoint, const std::optional<Identity>& own,
                      bool is_insecure) {
    SocketKeys keys{.is_insecure = is_insecure};
    if (server.empty()) {
        if (own && !endpoint.empty() && !is_loopback(endpoint) && !is_insecure)
            throw std::runtime_error(key + ": " + endpoint +
                                     " is on another machine; set the public key that `dws "
                                     "keygen` printed there");
        return keys;
    }
    if (!own)
        throw std::runtime_error(key +
                                 " is set: name the file of this process's private key with "
                                 "--set keys.own=NAME.key (`dws keygen NAME` makes it)");
    keys.own = pair_of(*own);
    keys.server = identity_of(server).exchange;
    return keys;
}

}  // namespace

std::optional<Identity> own_identity(const KeysSection& keys) {
    if (keys.own.empty()) return std::nullopt;
    return Identity::read(keys.own);
}

SocketKeys keys_of_environment(const Config& config, const std::optional<Identity>& own) {
    return to_listen("keys.environment", config.keys.environment, own, config.keys.workers,
                     config.keys.insecure);
}

SocketKeys keys_to_environment(const Config& config, const std::optional<Identity>& own) {
    return to_connect("keys.environment", config.keys.environment, config.env.endpoint, own,
                      config.keys.insecure);
}

SocketKeys keys_to_doorbell(const Config& config, const std::optional<Identity>& own) {
    for (const std::string& endpoint : {config.doorbell.inside, config.doorbell.outside})
        to_connect("keys.doorbell", config.keys.doorbell, endpoint, own, config.keys.insecure);
    return to_connect("keys.doorbell", config.keys.doorbell, "", own, config.keys.insecure);
}

}  // namespace dws
