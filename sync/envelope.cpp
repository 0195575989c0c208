#include "sync/envelope.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "sync/base64.h"

namespace dws {
namespace {

constexpr std::int64_t kMaxCreatedMs = 1ll << 52;  // exact as a double; the year 144,000

std::string payload_in(const EnvelopeKind& kind, std::span<const std::byte> stored) {
    const JsonValue envelope = parse_json(text_of(stored));
    FieldReader reader(envelope, "the envelope");
    if (reader.text("payloadType") != kind.payload_type)
        refuse("payloadType", fmt::format("is not a {}'s", kind.name));
    std::optional<std::string> payload = decode_base64(reader.text("payload"));
    if (!payload) refuse("payload", "is not base64");
    // A signature nobody here can check is refused rather than passed over.
    if (!reader.list("signatures").empty()) refuse("signatures", "is not empty");
    reader.expect_no_more();
    return *std::move(payload);
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

Result<Done> read_payload(const EnvelopeKind& kind, std::span<const std::byte> stored,
                          const std::function<void(FieldReader&)>& take) {
    if (stored.size() > kMaxRecordBytes)
        return Error{Fault::corrupt, fmt::format("a {} has at most {} bytes, this one {}",
                                                 kind.name, kMaxRecordBytes, stored.size())};
    try {
        const JsonValue payload = parse_json(payload_in(kind, stored));
        const std::string what = fmt::format("the {}", kind.name);
        FieldReader reader(payload, what);
        if (reader.text("format") != kind.format)
            refuse("format", fmt::format("is not {}", kind.format));
        if (reader.integer("format_version", 0) != kind.format_version)
            refuse("format_version", fmt::format("is not {}", kind.format_version));
        take(reader);
        reader.expect_no_more();
        return Done{};
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
