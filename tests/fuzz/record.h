// What must hold whatever bytes decode_record() is given. A broken promise ends the program: the
// fuzzer keeps the input, the replay of the corpus fails.
#pragma once

#include <string>

#include "base/require.h"
#include "sync/base64.h"
#include "sync/bucket/bucket.h"
#include "sync/record.h"
#include "tests/fuzz/envelope.h"

namespace dws {

inline bool fuzz_stored_record(std::span<const std::byte> stored) {
    check_signatures(stored);
    const Result<Record> record = decode_record(stored);
    if (!record) {
        require(record.error().fault == Fault::corrupt, "foreign bytes are at worst corrupt");
        return false;
    }
    check_one_form(stored, encode_record(*record));
    require(is_valid_key(record->run), "no record leads outside the bucket");
    require(record->objects.size() <= kMaxObjectsPerRecord, "objects have a limit");
    for (const ObjectRef& object : record->objects) {
        require(is_valid_key(object.key), "no object lies outside the bucket");
        require(object.size_bytes <= kMaxObjectBytes, "an object's size has a limit");
    }
    return true;
}

// input: stored bytes or a payload alone, which gets its envelope here: no mutation of base64 text
// reaches far. True when it is a record.
inline bool fuzz_record(std::span<const std::byte> input) {
    const std::string envelope = R"({"payloadType":"application/vnd.dws.log+json","payload":")" +
                                 encode_base64(text_of(input)) + R"(","signatures":[]})";
    const bool is_stored = fuzz_stored_record(input);
    const bool is_payload = fuzz_stored_record(bytes_of(envelope));
    return is_stored || is_payload;
}

}  // namespace dws
