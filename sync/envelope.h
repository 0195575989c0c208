// What log records and jumps are stored in: a payload of JSON inside a DSSE envelope, with the
// fields that both payloads share. One value has one form: the same value with the same signature
// is the same bytes.
//
// Reading an envelope says nothing of who wrote it: signature_fault() does, for who knows which key
// it must be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/identity.h"
#include "base/result.h"
#include "sync/record.h"
#include "sync/strict_json.h"

namespace dws {

struct EnvelopeKind {
    std::string_view payload_type;
    std::string_view format;  // the payload's first field; "format_version" is the second
    std::int64_t format_version;
    std::string_view name;  // for errors: "record"
};

// The payload's first two fields.
ObjectWriter begin_payload(const EnvelopeKind& kind);
// The stored bytes, with an empty list of signatures.
Bytes close_envelope(const EnvelopeKind& kind, const ObjectWriter& payload);

// DSSE's pre-authentication encoding, version 1: what is signed. Type and payload stand in it with
// their lengths, so that no bytes mean two things.
Bytes pre_authentication(std::string_view payload_type, std::span<const std::byte> payload);

struct EnvelopeSignature {
    std::string key_id;     // PublicIdentity::id() of who says to have signed
    Signature signature{};  // over pre_authentication() of the payload
};
Bytes with_signature(const Bytes& unsigned_envelope, const EnvelopeSignature& signature);
// The same envelope, signed. unsigned_envelope: what close_envelope() gave.
Bytes sign_envelope(const Bytes& unsigned_envelope, const Identity& signer);

// Empty: one of these keys signed exactly this. Otherwise why not, as the end of a sentence that
// begins with what it is.
std::string signature_fault(std::span<const std::byte> stored,
                            std::span<const PublicIdentity> signers);
// The id of the key that says to have signed; empty: nobody does.
std::string signer_named_in(std::span<const std::byte> stored);

// read: takes every field after the first two, throwing FormFault. Fault::corrupt, naming the
// field, for anything that is not such a payload in its one form (encode gives it), signed once or
// not at all, within kMaxRecordBytes.
template <class Value>
Result<Value> open_envelope(const EnvelopeKind& kind, std::span<const std::byte> stored,
                            Value (*read)(FieldReader&), Bytes (*encode)(const Value&));

// "objects": a list of key, size_bytes and sha256.
void write_objects(ObjectWriter& writer, const std::vector<ObjectRef>& objects);
std::vector<ObjectRef> read_objects(FieldReader& reader);
// "digest"
Digest read_digest(FieldReader& reader);
// "created_unix_ms": kept to the millisecond.
void write_created(ObjectWriter& writer, double created_unix_s);
double read_created(FieldReader& reader);

// What of open_envelope() is the same for every value: calls take() with the payload's fields.
Result<std::optional<EnvelopeSignature>> read_payload(
    const EnvelopeKind& kind, std::span<const std::byte> stored,
    const std::function<void(FieldReader&)>& take);
Error not_in_one_form(const EnvelopeKind& kind);

template <class Value>
Result<Value> open_envelope(const EnvelopeKind& kind, std::span<const std::byte> stored,
                            Value (*read)(FieldReader&), Bytes (*encode)(const Value&)) {
    Value value;
    const auto signature =
        read_payload(kind, stored, [&](FieldReader& reader) { value = read(reader); });
    if (!signature) return signature.error();
    // One value, one text: other spacing or order has no second meaning.
    Bytes same = encode(value);
    if (*signature) same = with_signature(same, **signature);
    if (!std::equal(same.begin(), same.end(), stored.begin(), stored.end()))
        return not_in_one_form(kind);
    return value;
}

}  // namespace dws
