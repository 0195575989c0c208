// One side of the doorbell's broker, as a process reaches it. The text of an endpoint is one
// without keys: enough on one machine.
#pragma once

#include <string>
#include <utility>

#include "base/message_socket.h"

namespace dws {

struct DoorbellEnd {
    DoorbellEnd() = default;
    DoorbellEnd(const char* endpoint_) : endpoint(endpoint_) {}
    DoorbellEnd(std::string endpoint_, SocketKeys keys_ = {})
        : endpoint(std::move(endpoint_)), keys(std::move(keys_)) {}

    std::string endpoint;  // empty: no doorbell
    SocketKeys keys;
};

}  // namespace dws
