// The objects a record names, fetched and decoded. Followers differ in how they get an object
// (again after a fault, or once); what is done with the bytes is the same for all.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/changes.h"
#include "sync/record.h"

namespace dws {

// One try. Fault::missing: no such object; Fault::corrupt: its size or SHA-256 is not the record's.
Result<Bytes> fetch_object(Bucket& bucket, const std::string& run, const ObjectRef& object);

using ObjectSource = std::function<Result<Bytes>(const ObjectRef&)>;

// The most bytes a file of the interchange formats needs for `words` words that take `word_bytes`
// bytes, with an 8-byte position for each and the largest header. A larger claim is not fetched.
std::uint64_t largest_file_bytes(std::uint64_t words, std::uint64_t word_bytes);

// Fault::corrupt for an object that is larger than all words of the table can need.
Result<Done> check_sizes(const ArrayTable& table, const Record& record);

// Objects are asked for one by one, in the record's order; those that hold no words are passed
// over. Before anything is asked for: check_sizes().
// base: the words of record.base_version, the table's flat buffer. threads: of compact files.
Result<Changes> read_delta(const ArrayTable& table, const Record& record,
                           std::span<const std::byte> base, const ObjectSource& source,
                           std::size_t threads = 1);
// words: the table's flat buffer; every array is written, or the anchor is Fault::corrupt.
Result<Done> read_anchor(const ArrayTable& table, const Record& record, const ObjectSource& source,
                         std::span<std::byte> words);

}  // namespace dws
