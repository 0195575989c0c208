// What the hub answers when it is asked what a bucket holds: a page of JSON, and in a header where
// the next one is. Foreign bytes: only valid keys and addresses of the hub itself get out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dws {

struct HubPage {
    std::vector<std::string> files;    // whole paths within the bucket
    std::vector<std::string> folders;  // with '/' at their end
};

// Fault::transport: it is no listing, so another try may bring one.
Result<HubPage> read_hub_page(std::string_view json);

// The address of the next page in a Link header (RFC 8288), if it begins with `origin`; empty
// otherwise: the token goes to nobody else.
std::string next_page(std::string_view link, const std::string& origin);

}  // namespace dws
