#include "experiments/fault_proxy/error_reply.h"

#include <fmt/format.h>

namespace dws {

Reply error_reply(int status, const std::string& reason, const std::string& code) {
    Reply reply;
    reply.response = {.status = status,
                      .reason = reason,
                      .fields = {{"content-type", "application/xml"}},
                      .body = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                                          "<Error><Code>{}</Code></Error>",
                                          code)};
    return reply;
}

}  // namespace dws
