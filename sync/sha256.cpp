#include "sync/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdexcept>
#include <vector>

#include "base/require.h"

namespace dws {

namespace {

std::string hex_of(std::span<const unsigned char> bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

[[noreturn]] void throw_without_sha256() {
    throw std::runtime_error("OpenSSL on this machine does not provide SHA-256");
}

}  // namespace

std::string sha256_hex(std::span<const std::byte> bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr) != 1) {
        throw_without_sha256();
    }
    return hex_of({digest, length});
}

struct Sha256::Parts {
    EVP_MD_CTX* context = EVP_MD_CTX_new();

    Parts() = default;
    ~Parts() { EVP_MD_CTX_free(context); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
};

Sha256::Sha256() : parts_(std::make_unique<Parts>()) {
    if (EVP_DigestInit_ex(parts_->context, EVP_sha256(), nullptr) != 1) throw_without_sha256();
}

Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
    const int added = EVP_DigestUpdate(parts_->context, bytes.data(), bytes.size());
    require(added == 1, "nothing is added after hex()");
}

std::string Sha256::hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    const int ended = EVP_DigestFinal_ex(parts_->context, digest, &length);
    require(ended == 1, "hex() is asked for once");
    return hex_of({digest, length});
}

std::string random_hex(std::size_t bytes) {
    std::vector<unsigned char> random(bytes);
    if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) {
        throw std::runtime_error("OpenSSL got no random bytes from the operating system");
    }
    return hex_of(random);
}

}  // namespace dws
