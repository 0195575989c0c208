// SHA-256, for naming objects by their content and chaining records (FIPS 180-4; OpenSSL does it).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace dws {

std::string sha256_hex(std::span<const std::byte> bytes);  // 64 lower-case digits

// Of bytes that come in pieces.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    void add(std::span<const std::byte> bytes);
    std::string hex();  // of all that was added; nothing may be added after it

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// `bytes` random bytes from the operating system, as hex: ids and nonces.
std::string random_hex(std::size_t bytes);

}  // namespace dws
