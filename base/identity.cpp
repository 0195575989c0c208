#include "base/identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>

#include "base/bytes.h"
#include "base/require.h"

namespace dws {
namespace {

constexpr std::string_view kPublicPrefix = "dws-key-";
constexpr std::string_view kSecretPrefix = "dws-secret-";  // of a key file's one line
constexpr std::size_t kPairLetters = 86;                   // of 64 bytes in base64url, not padded
constexpr const char* kHint = "; `dws keygen NAME` makes a pair and prints the public text";

using Pair = std::array<std::byte, 64>;  // signing key, then exchange key

unsigned char* unsigned_of(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* unsigned_of(const std::byte* bytes) {
    return reinterpret_cast<const unsigned char*>(bytes);
}

// Base64 with '-' and '_' (RFC 4648, section 5), so that a key is one word everywhere.
std::string base64url_of(const Pair& pair) {
    std::array<unsigned char, 89> padded{};  // 88 letters; OpenSSL ends with a zero
    EVP_EncodeBlock(padded.data(), unsigned_of(pair.data()), static_cast<int>(pair.size()));
    std::string text(reinterpret_cast<const char*>(padded.data()), kPairLetters);
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    OPENSSL_cleanse(padded.data(), padded.size());
    return text;
}

// Empty for anything but what base64url_of() gives.
std::optional<Pair> pair_in(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix) || text.size() != prefix.size() + kPairLetters) return {};
    text.remove_prefix(prefix.size());
    std::string padded(text);
    std::ranges::replace(padded, '-', '+');
    std::ranges::replace(padded, '_', '/');
    padded += "==";
    std::array<unsigned char, 66> decoded{};  // the padding counts as zero bytes
    const int length =
        EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(padded.data()),
                        static_cast<int>(padded.size()));
    if (length != static_cast<int>(decoded.size())) return {};
    Pair pair{};
    std::memcpy(pair.data(), decoded.data(), pair.size());
    OPENSSL_cleanse(decoded.data(), decoded.size());
    OPENSSL_cleanse(padded.data(), padded.size());
    if (base64url_of(pair) != text) return {};
    return pair;
}

Pair joined(const Key32& first, const Key32& second) {
    Pair pair{};
    std::ranges::copy(first, pair.begin());
    std::ranges::copy(second, pair.begin() + 32);
    return pair;
}

Key32 half(const Pair& pair, std::size_t index) {
    Key32 key{};
    std::copy_n(pair.begin() + static_cast<std::ptrdiff_t>(32 * index), 32, key.begin());
    return key;
}

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using OpenSslKey = std::unique_ptr<EVP_PKEY, FreeKey>;
using OpenSslContext = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// kind: EVP_PKEY_ED25519 or EVP_PKEY_X25519, either of which takes any 32 bytes as a secret.
Key32 public_of(int kind, const Key32& secret) {
    const OpenSslKey key(
        EVP_PKEY_new_raw_private_key(kind, nullptr, unsigned_of(secret.data()), secret.size()));
    Key32 shared{};
    std::size_t bytes = shared.size();
    const bool is_made = key != nullptr && EVP_PKEY_get_raw_public_key(
                                               key.get(), unsigned_of(shared.data()), &bytes) == 1;
    require(is_made && bytes == shared.size(), "OpenSSL derives a public key");
    return shared;
}

[[noreturn]] void refuse_file(const std::filesystem::path& file, const std::string& why) {
    throw std::runtime_error(fmt::format("key file {}: {}", file.string(), why));
}

// Closed at the end of its block.
class OpenFile {
public:
    explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
    ~OpenFile() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    int get() const { return descriptor_; }

private:
    const int descriptor_;
};

}  // namespace

std::string PublicIdentity::text() const {
    return std::string(kPublicPrefix) + base64url_of(joined(signing, exchange));
}

std::string PublicIdentity::id() const {
    const Pair pair = joined(signing, exchange);
    std::array<unsigned char, 32> hash{};
    unsigned int bytes = 0;
    const int done =
        EVP_Digest(pair.data(), pair.size(), hash.data(), &bytes, EVP_sha256(), nullptr);
    require(done == 1 && bytes == hash.size(), "OpenSSL hashes");
    std::string digits;
    for (std::size_t index = 0; index < 8; ++index) digits += fmt::format("{:02x}", hash[index]);
    return digits;
}

Result<PublicIdentity> parse_identity(std::string_view text) {
    const std::optional<Pair> pair = pair_in(text, kPublicPrefix);
    if (pair) return PublicIdentity{half(*pair, 0), half(*pair, 1)};
    // A secret that was pasted in the wrong place shall not go on into a log.
    const bool is_secret = text.find(kSecretPrefix) != std::string_view::npos;
    return Error{Fault::corrupt,
                 fmt::format("{} is no public key: it is \"{}\" and {} letters, the text in "
                             "NAME.pub{}",
                             is_secret ? "a PRIVATE key" : fmt::format("\"{:.100}\"", text),
                             kPublicPrefix, kPairLetters, kHint)};
}

Identity Identity::generate() {
    Identity identity;
    for (Key32* secret : {&identity.signing_secret_, &identity.exchange_secret_}) {
        const int done =
            RAND_priv_bytes(unsigned_of(secret->data()), static_cast<int>(secret->size()));
        if (done != 1) throw std::runtime_error("the operating system gives no random bytes");
    }
    identity.shared_ = {public_of(EVP_PKEY_ED25519, identity.signing_secret_),
                        public_of(EVP_PKEY_X25519, identity.exchange_secret_)};
    return identity;
}

Identity Identity::read(const std::filesystem::path& file) {
    const OpenFile opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (opened.get() < 0) refuse_file(file, std::strerror(errno) + std::string(kHint));
    struct stat state {};
    if (::fstat(opened.get(), &state) != 0) refuse_file(file, std::strerror(errno));
    if (!S_ISREG(state.st_mode)) refuse_file(file, "not a regular file");
    if ((state.st_mode & 077) != 0)
        refuse_file(file,
                    "others than its owner may use it; call chmod 600 on it, and if somebody "
                    "else may have read it, make a new pair");
    std::string line(kSecretPrefix.size() + kPairLetters + 2, '\0');
    const ssize_t bytes = ::read(opened.get(), line.data(), line.size());
    if (bytes < 0) refuse_file(file, std::strerror(errno));
    line.resize(static_cast<std::size_t>(bytes));
    if (line.ends_with('\n')) line.pop_back();
    const std::optional<Pair> pair = pair_in(line, kSecretPrefix);
    OPENSSL_cleanse(line.data(), line.size());
    if (!pair) refuse_file(file, std::string("it holds no private key") + kHint);
    Identity identity;
    identity.signing_secret_ = half(*pair, 0);
    identity.exchange_secret_ = half(*pair, 1);
    identity.shared_ = {public_of(EVP_PKEY_ED25519, identity.signing_secret_),
                        public_of(EVP_PKEY_X25519, identity.exchange_secret_)};
    return identity;
}

void Identity::write_new(const std::filesystem::path& file) const {
    const OpenFile opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (opened.get() < 0) refuse_file(file, std::strerror(errno));
    std::string line =
        std::string(kSecretPrefix) + base64url_of(joined(signing_secret_, exchange_secret_)) + '\n';
    const ssize_t written = ::write(opened.get(), line.data(), line.size());
    const bool is_whole =
        written == static_cast<ssize_t>(line.size()) && ::fsync(opened.get()) == 0;
    const int reason = errno;
    OPENSSL_cleanse(line.data(), line.size());
    if (is_whole) return;
    ::unlink(file.c_str());
    refuse_file(file, std::strerror(reason));
}

Signature Identity::sign(std::span<const std::byte> message) const {
    const OpenSslKey key(EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519, nullptr, unsigned_of(signing_secret_.data()), signing_secret_.size()));
    const OpenSslContext context(EVP_MD_CTX_new());
    Signature signature{};
    std::size_t bytes = signature.size();
    const bool is_signed =
        key != nullptr && context != nullptr &&
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
        EVP_DigestSign(context.get(), unsigned_of(signature.data()), &bytes,
                       unsigned_of(message.data()), message.size()) == 1;
    require(is_signed && bytes == signature.size(), "OpenSSL signs");
    return signature;
}

bool is_signed_by(const PublicIdentity& identity, std::span<const std::byte> message,
                  const Signature& signature) {
    const OpenSslKey key(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, unsigned_of(identity.signing.data()), identity.signing.size()));
    const OpenSslContext context(EVP_MD_CTX_new());
    const bool is_signed =
        key != nullptr && context != nullptr &&
        EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
        EVP_DigestVerify(context.get(), unsigned_of(signature.data()), signature.size(),
                         unsigned_of(message.data()), message.size()) == 1;
    ERR_clear_error();  // a signature that is wrong is no error of this process
    return is_signed;
}

}  // namespace dws
