// The objects a record names, fetched and decoded. Followers differ in how they get an object
// (again after a fault, or once); what is done with the bytes is the same for all.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/bucket.h"
#include "sync/changes.h"
#include "sync/record.h"

namespace dws {

// One try. Fault::missing: no such object; Fault::corrupt: its size or SHA-256 is not the record's.
Result<Bytes> fetch_object(Bucket& bucket, const std::string& run, const ObjectRef& object);

using ObjectSource = std::function<Result<Bytes>(const ObjectRef&)>;

// One object is in memory at a time.
Result<Changes> read_delta(const ArrayTable& table, const Record& record,
                           const ObjectSource& source);
// words: the table's flat buffer; every array is written, or the anchor is Fault::corrupt.
Result<Done> read_anchor(const ArrayTable& table, const Record& record, const ObjectSource& source,
                         std::span<std::byte> words);

}  // namespace dws
