// What the config's keys mean for the sockets of the loop: who this process is there, who must
// answer, who may speak. All throw std::runtime_error that names the key to set.
#pragma once

#include <optional>

#include "base/identity.h"
#include "base/message_socket.h"
#include "configs/config.h"

namespace dws {

// Of the file that keys.own names; empty when it names none.
std::optional<Identity> own_identity(const KeysSection& keys);

// Where workers play: the environment listens, workers connect.
SocketKeys keys_of_environment(const Config& config, const std::optional<Identity>& own);
SocketKeys keys_to_environment(const Config& config, const std::optional<Identity>& own);

// Where trainer and workers ring and hear: for doorbell.inside and doorbell.outside alike. (The
// broker, `dws doorbell`, takes its keys from its own flags.)
SocketKeys keys_to_doorbell(const Config& config, const std::optional<Identity>& own);

}  // namespace dws
