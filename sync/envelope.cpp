#include "sync/envelope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/require.h"
#include "sync/base64.h"

namespace dws {
namespace {

constexpr std::int64_t kMaxCreatedMs = 1ll << 52;  // exact as a double; the year 144,000

constexpr std::size_t kKeyIdDigits = 16;
constexpr std::string_view kUnsignedEnd = R"("signatures":[]})";

// Taken apart; nothing is known of the payload yet.
struct Envelope {
    std::string payload_type;
    std::string payload;
    std::optional<EnvelopeSignature> signature;
};

EnvelopeSignature signature_of(const JsonValue& json) {
    FieldReader reader(json, "an entry of signatures");
    EnvelopeSignature signature{.key_id = reader.hex("keyid", kKeyIdDigits)};
    const std::optional<std::string> bytes = decode_base64(reader.text("sig"));
    if (!bytes || bytes->size() != signature.signature.size())
        refuse("sig", "is not 64 bytes in base64");
    std::ranges::copy(bytes_of(*bytes), signature.signature.begin());
    reader.expect_no_more();
    return signature;
}

// Throws FormFault.
Envelope take_apart(std::span<const std::byte> stored) {
    const JsonValue json = parse_json(text_of(stored));
    FieldReader reader(json, "the envelope");
    Envelope envelope;
    envelope.payload_type = reader.text("payloadType");
    std::optional<std::string> payload = decode_base64(reader.text("payload"));
    if (!payload) refuse("payload", "is not base64");
    envelope.payload = *std::move(payload);
    const JsonValue::List& signatures = reader.list("signatures");
    if (signatures.size() > 1) refuse("signatures", "has more than one");
    if (!signatures.empty()) envelope.signature = signature_of(signatures.front());
    reader.expect_no_more();
    return envelope;
}

std::string ids_of(std::span<const PublicIdentity> signers) {
    std::string ids;
    for (const PublicIdentity& signer : signers) ids += (ids.empty() ? "" : " or ") + signer.id();
    return ids;
}

ObjectRef object_of(const JsonValue& json) {
    FieldReader reader(json, "an object");
    ObjectRef object{.key = reader.key("key"),
                     .size_bytes = reader.natural("size_bytes", kMaxObjectBytes),
                     .sha256 = reader.sha256("sha256")};
    reader.expect_no_more();
    return object;
}

}  // namespace

ObjectWriter begin_payload(const EnvelopeKind& kind) {
    ObjectWriter writer;
    writer.text("format", kind.format).integer("format_version", kind.format_version);
    return writer;
}

Bytes close_envelope(const EnvelopeKind& kind, const ObjectWriter& payload) {
    const std::string text = ObjectWriter()
                                 .text("payloadType", kind.payload_type)
                                 .text("payload", encode_base64(payload.str()))
                                 .objects("signatures", {})
                                 .str();
    const std::span<const std::byte> bytes = bytes_of(text);
    return Bytes(bytes.begin(), bytes.end());
}

Bytes pre_authentication(std::string_view payload_type, std::span<const std::byte> payload) {
    const std::string before =
        fmt::format("DSSEv1 {} {} {} ", payload_type.size(), payload_type, payload.size());
    const std::span<const std::byte> prefix = bytes_of(before);
    Bytes message(prefix.begin(), prefix.end());
    message.insert(message.end(), payload.begin(), payload.end());
    return message;
}

Bytes with_signature(const Bytes& unsigned_envelope, const EnvelopeSignature& signature) {
    const std::string_view text = text_of(unsigned_envelope);
    require(text.ends_with(kUnsignedEnd), "an envelope is signed once");
    const std::string entry = ObjectWriter()
                                  .text("keyid", signature.key_id)
                                  .text("sig", encode_base64(text_of(signature.signature)))
                                  .str();
    const std::string stored = std::string(text.substr(0, text.size() - 2)) + entry + "]}";
    const std::span<const std::byte> bytes = bytes_of(stored);
    return Bytes(bytes.begin(), bytes.end());
}

Bytes sign_envelope(const Bytes& unsigned_envelope, const Identity& signer) {
    const Envelope envelope = take_apart(unsigned_envelope);
    const Bytes message = pre_authentication(envelope.payload_type, bytes_of(envelope.payload));
    return with_signature(unsigned_envelope, {signer.shared().id(), signer.sign(message)});
}

std::string signature_fault(std::span<const std::byte> stored,
                            std::span<const PublicIdentity> signers) {
    try {
        const Envelope envelope = take_apart(stored);
        if (!envelope.signature)
            return fmt::format("is not signed; it must be by key {}", ids_of(signers));
        const std::string& key_id = envelope.signature->key_id;
        const auto signer = std::ranges::find(signers, key_id, &PublicIdentity::id);
        if (signer == signers.end())
            return fmt::format("is signed by key {}, not by {}", key_id, ids_of(signers));
        const Bytes message = pre_authentication(envelope.payload_type, bytes_of(envelope.payload));
        if (is_signed_by(*signer, message, envelope.signature->signature)) return {};
        return fmt::format("is not what key {} signed", key_id);
    } catch (const FormFault& fault) {
        return "is no envelope: " + fault.detail;
    }
}

std::string signer_named_in(std::span<const std::byte> stored) {
    try {
        const Envelope envelope = take_apart(stored);
        return envelope.signature ? envelope.signature->key_id : std::string();
    } catch (const FormFault&) {
        return {};
    }
}

Result<std::optional<EnvelopeSignature>> read_payload(
    const EnvelopeKind& kind, std::span<const std::byte> stored,
    const std::function<void(FieldReader&)>& take) {
    if (stored.size() > kMaxRecordBytes)
        return Error{Fault::corrupt, fmt::format("a {} has at most {} bytes, this one {}",
                                                 kind.name, kMaxRecordBytes, stored.size())};
    try {
        const Envelope envelope = take_apart(stored);
        if (envelope.payload_type != kind.payload_type)
            refuse("payloadType", fmt::format("is not a {}'s", kind.name));
        const JsonValue payload = parse_json(envelope.payload);
        const std::string what = fmt::format("the {}", kind.name);
        FieldReader reader(payload, what);
        if (reader.text("format") != kind.format)
            refuse("format", fmt::format("is not {}", kind.format));
        if (reader.integer("format_version", 0) != kind.format_version)
            refuse("format_version", fmt::format("is not {}", kind.format_version));
        take(reader);
        reader.expect_no_more();
        return envelope.signature;
    } catch (const FormFault& fault) {
        return Error{Fault::corrupt, fmt::format("{}: {}", kind.name, fault.detail)};
    }
}

Error not_in_one_form(const EnvelopeKind& kind) {
    return {Fault::corrupt, fmt::format("{} is not in its one form (order, spacing)", kind.name)};
}

void write_objects(ObjectWriter& writer, const std::vector<ObjectRef>& objects) {
    std::vector<std::string> written;
    for (const ObjectRef& object : objects)
        written.push_back(ObjectWriter()
                              .text("key", object.key)
                              .natural("size_bytes", object.size_bytes)
                              .text("sha256", object.sha256)
                              .str());
    writer.objects("objects", written);
}

std::vector<ObjectRef> read_objects(FieldReader& reader) {
    const JsonValue::List& list = reader.list("objects");
    if (list.size() > kMaxObjectsPerRecord)
        refuse("objects", fmt::format("has more than {} entries", kMaxObjectsPerRecord));
    std::vector<ObjectRef> objects;
    for (const JsonValue& object : list) objects.push_back(object_of(object));
    return objects;
}

Digest read_digest(FieldReader& reader) { return *Digest::from_hex(reader.hex("digest", 32)); }

void write_created(ObjectWriter& writer, double created_unix_s) {
    writer.integer("created_unix_ms", std::llround(1e3 * created_unix_s));
}

double read_created(FieldReader& reader) {
    return 1e-3 *
           static_cast<double>(reader.natural("created_unix_ms", std::uint64_t{kMaxCreatedMs}));
}

}  // namespace dws
