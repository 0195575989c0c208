#include "sync/games/game_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/safetensors.h"
#include "sync/base64.h"
#include "sync/envelope.h"

namespace dws {
namespace {

constexpr const char* kKeyId = "keyid";
constexpr const char* kSignature = "signature";

// What is signed, of a file without signature.
Bytes message_of(const Bytes& unsigned_file, const std::string& run) {
    return pre_authentication("application/vnd.dws.game+safetensors;run=" + run, unsigned_file);
}

Metadata entries_of(const EnvelopeSignature& signature) {
    return {{kKeyId, signature.key_id}, {kSignature, encode_base64(text_of(signature.signature))}};
}

// Empty: the metadata has none, or what is none.
std::optional<EnvelopeSignature> signature_in(const Metadata& metadata) {
    const auto key_id = metadata.find(kKeyId);
    const auto text = metadata.find(kSignature);
    if (key_id == metadata.end() || text == metadata.end()) return std::nullopt;
    EnvelopeSignature signature{.key_id = key_id->second};
    const std::optional<std::string> bytes = decode_base64(text->second);
    if (!bytes || bytes->size() != signature.signature.size()) return std::nullopt;
    std::ranges::copy(bytes_of(*bytes), signature.signature.begin());
    return signature;
}

}  // namespace

Bytes sign_group(const GameGroup& group, const std::string& run, const Identity& signer) {
    const Bytes message = message_of(encode_group(group), run);
    return encode_group(group, entries_of({signer.shared().id(), signer.sign(message)}));
}

std::string group_signature_fault(std::span<const std::byte> file, const GameGroup& group,
                                  const std::string& run, std::span<const PublicIdentity> signers) {
    if (signers.empty()) return {};
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) return "is no safetensors file";
    const std::optional<EnvelopeSignature> signature = signature_in(view->metadata());
    if (!signature) return "is not signed, and only listed workers may play";
    const auto signer = std::ranges::find(signers, signature->key_id, &PublicIdentity::id);
    if (signer == signers.end())
        return fmt::format("is signed by \"{:.16}\", which is no listed worker's key",
                           signature->key_id);
    if (!is_signed_by(*signer, message_of(encode_group(group), run), signature->signature))
        return fmt::format("is not what key {} signed", signature->key_id);
    // Nothing stands in the file that the signature does not cover.
    if (!std::ranges::equal(encode_group(group, entries_of(*signature)), file))
        return fmt::format("is not in its one form, so key {} did not sign all of it",
                           signature->key_id);
    return {};
}

}  // namespace dws
