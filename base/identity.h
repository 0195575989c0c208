// Who a process is: one pair of keys to sign with (Ed25519, RFC 8032) and one to encrypt messages
// with (X25519, RFC 7748; what ZeroMQ's CURVE uses). `dws keygen NAME` makes both: NAME.key is
// private and stays on its machine, the text in NAME.pub is what others put into their config.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace dws {

using Key32 = std::array<std::byte, 32>;
using Signature = std::array<std::byte, 64>;  // Ed25519

struct PublicIdentity {
    Key32 signing{};
    Key32 exchange{};
    bool operator==(const PublicIdentity&) const = default;

    // "dws-key-" and 86 letters of base64url: what stands in configs. One line, safe in YAML.
    std::string text() const;
    // The first 16 hex digits of the SHA-256 of both keys: for signatures' "keyid" and for people.
    std::string id() const;
};

// Fault::corrupt says what a key's text looks like and which command prints it.
Result<PublicIdentity> parse_identity(std::string_view text);

class Identity {
public:
    static Identity generate();
    // Throws std::runtime_error naming the file: not there, others may read it, not a key.
    static Identity read(const std::filesystem::path& file);
    // Creates the file for its owner alone (mode 0600). Throws std::runtime_error when it is there.
    void write_new(const std::filesystem::path& file) const;

    const PublicIdentity& shared() const { return shared_; }
    const Key32& exchange_secret() const { return exchange_secret_; }
    Signature sign(std::span<const std::byte> message) const;

private:
    Identity() = default;
    Key32 signing_secret_{};
    Key32 exchange_secret_{};
    PublicIdentity shared_;
};

bool is_signed_by(const PublicIdentity& identity, std::span<const std::byte> message,
                  const Signature& signature);

}  // namespace dws
