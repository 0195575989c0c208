// What opens a store, and where it is found: the environment or the usual files. Nothing here can
// be printed by accident: a Secret has no way into a stream or a format string but reveal(), which
// only what signs or sends calls.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "sync/bucket/environment.h"

namespace dws {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    ~Secret();
    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;

    bool empty() const { return text_.empty(); }
    const std::string& reveal() const { return text_; }

private:
    std::string text_;
};

// The key pair of an S3 store.
struct Credentials {
    Secret access_key_id;  // names an account: no secret by itself, and nobody's business
    Secret secret_key;
    Secret session_token;  // of temporary keys; empty otherwise

    // Error texts of a store may repeat what it was sent: each part is replaced by "***".
    std::string scrubbed(std::string text) const;
};

// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN); otherwise the section of
// AWS_PROFILE ("default") in AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials). Nothing when there
// is neither. Throws std::runtime_error when one half of a pair is there or a named profile is not.
std::optional<Credentials> find_credentials(const Environment& environment);

// HF_TOKEN, otherwise the file that `hf auth login` writes. Empty when there is neither.
Secret find_hub_token(const Environment& environment);

// One setting of the profile in AWS_CONFIG_FILE (~/.aws/config); empty when it is not there.
std::string profile_setting(const Environment& environment, const std::string& name);

}  // namespace dws
