// SHA-256, for naming objects by their content and chaining records (FIPS 180-4; OpenSSL does it).
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dws {

std::string sha256_hex(std::span<const std::byte> bytes);  // 64 lower-case digits

// `bytes` random bytes from the operating system, as hex: ids and nonces.
std::string random_hex(std::size_t bytes);

}  // namespace dws
