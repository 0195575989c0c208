// What log records and jumps are stored in: a payload of JSON inside a DSSE envelope, with the
// fields that both payloads share. One value has one form: the same value is the same bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
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

// read: takes every field after the first two, throwing FormFault. Fault::corrupt, naming the
// field, for anything that is not such a payload in its one form (encode gives it), within
// kMaxRecordBytes.
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
Result<Done> read_payload(const EnvelopeKind& kind, std::span<const std::byte> stored,
                          const std::function<void(FieldReader&)>& take);
Error not_in_one_form(const EnvelopeKind& kind);

template <class Value>
Result<Value> open_envelope(const EnvelopeKind& kind, std::span<const std::byte> stored,
                            Value (*read)(FieldReader&), Bytes (*encode)(const Value&)) {
    Value value;
    const Result<Done> done =
        read_payload(kind, stored, [&](FieldReader& reader) { value = read(reader); });
    if (!done) return done.error();
    // One value, one text: other spacing or order has no second meaning.
    const Bytes same = encode(value);
    if (!std::equal(same.begin(), same.end(), stored.begin(), stored.end()))
        return not_in_one_form(kind);
    return value;
}

}  // namespace dws
