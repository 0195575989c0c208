// Signatures of requests on the wire, by SigV4: checked as a store does, and made anew as a client
// does.
#pragma once

#include <optional>
#include <string>

#include "experiments/fault_proxy/wire_message.h"
#include "sync/bucket/credentials.h"

namespace dws {

// The store's error code where the signature does not hold: AccessDenied without one,
// InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed, XAmzContentSHA256Mismatch.
std::optional<std::string> signature_fault(const WireRequest& request, const std::string& region,
                                           const Credentials& credentials);

// Replaces whatever signature it has by one for `host`.
void sign_anew(WireRequest& request, const std::string& host, const std::string& region,
               const Credentials& credentials);

}  // namespace dws
