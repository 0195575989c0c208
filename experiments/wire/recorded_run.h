// What a trainer has published, one version after another, taken from the run's bucket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/changes.h"
#include "sync/record.h"

namespace dws {

class RecordedRun {
public:
    // Reads the log and its first anchor. uri: of the bucket, which is only read. Every call throws
    // std::runtime_error where the log or an object cannot be read, or where a version's words have
    // another digest than its record.
    RecordedRun(const std::string& uri, std::string run);

    const ArrayTable& table() const { return table_; }
    std::int64_t version() const { return version_; }
    const Bytes& words() const { return words_; }  // of version(), the table's flat buffer

    // Deltas that follow, each on the one before; merged ones beside them are passed over.
    std::size_t remaining() const { return road_.size() - next_; }
    const Record& next_record() const;  // of the next of them
    // Takes the words to the next version: what changed, old words and new ones.
    Changes advance();

private:
    void check_digest(const Record& record) const;

    const std::unique_ptr<Bucket> bucket_;
    const std::string run_;
    const std::vector<Record> log_;
    const Record& anchor_;
    const ArrayTable table_;
    std::vector<const Record*> road_;
    std::size_t next_ = 0;  // index into road_
    std::int64_t version_;
    Bytes words_;
};

}  // namespace dws
