#include "sync/base64.h"

#include <openssl/evp.h>

namespace dws {

namespace {

const unsigned char* unsigned_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string encode_base64(std::string_view plain) {
    std::string encoded((plain.size() + 2) / 3 * 4 + 1, '\0');  // + 1: OpenSSL ends with a zero
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                       unsigned_of(plain), static_cast<int>(plain.size()));
    encoded.resize(static_cast<std::size_t>(length));
    return encoded;
}

std::optional<std::string> decode_base64(std::string_view encoded) {
    if (encoded.size() % 4 != 0) return std::nullopt;
    std::string plain(encoded.size() / 4 * 3, '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                                       unsigned_of(encoded), static_cast<int>(encoded.size()));
    if (length < 0) return std::nullopt;
    // OpenSSL counts padding as zero bytes, and skips spaces around the text.
    const std::size_t padding = encoded.size() - 1 - encoded.find_last_not_of('=');
    if (padding > 2 || static_cast<std::size_t>(length) < padding) return std::nullopt;
    plain.resize(static_cast<std::size_t>(length) - padding);
    if (encode_base64(plain) != encoded) return std::nullopt;
    return plain;
}

}  // namespace dws
