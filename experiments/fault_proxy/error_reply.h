// Answers in S3's form that no store gave.
#pragma once

#include <string>

#include "experiments/fault_proxy/http_server.h"

namespace dws {

Reply error_reply(int status, const std::string& reason, const std::string& code);

}  // namespace dws
