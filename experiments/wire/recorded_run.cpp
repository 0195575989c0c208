#include "experiments/wire/recorded_run.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/require.h"
#include "sync/chain.h"
#include "sync/digest.h"
#include "sync/fetch.h"
#include "sync/run_table.h"

namespace dws {

namespace {

// Half a gigabyte of records: no trainer takes as many steps.
constexpr std::size_t kMaxRecords = 1'000'000;

template <class T>
T value_of(Result<T> result, const std::string& what) {
    if (result) return std::move(*result);
    throw std::runtime_error(what + ": " + final_line(result.error()));
}

std::vector<Record> read_log(Bucket& bucket, const std::string& run) {
    ChainReader reader(bucket, run);
    std::vector<Record> records;
    while (records.size() < kMaxRecords) {
        Result<Record> record = reader.next();
        if (!record && record.error().fault == Fault::missing) break;
        records.push_back(value_of(std::move(record), "the log of " + run));
    }
    return records;
}

const Record& first_anchor(const std::vector<Record>& log, const std::string& run) {
    const auto anchor = std::ranges::find(log, RecordKind::anchor, &Record::kind);
    if (anchor == log.end()) throw std::runtime_error(run + ": no anchor in its log");
    return *anchor;
}

ObjectSource source_of(Bucket& bucket, const std::string& run) {
    return [&](const ObjectRef& object) { return fetch_object(bucket, run, object); };
}

// Interchange deltas do not say which words were there.
void add_old_words(const ArrayTable& table, const Bytes& words, Changes& changes) {
    for (auto& [index, found] : changes) {
        if (!found.before.empty()) continue;
        const Tile tile = table.tile(index);
        for (const std::uint16_t position : found.positions) {
            found.before.push_back(read_word(words, tile, position));
        }
    }
}

}  // namespace

RecordedRun::RecordedRun(const std::string& uri, std::string run)
    : bucket_(open_bucket(uri, {}, {}, {}, BucketAccess::read)),
      run_(std::move(run)),
      log_(read_log(*bucket_, run_)),
      anchor_(first_anchor(log_, run_)),
      table_(value_of(read_table(anchor_, source_of(*bucket_, run_)), "the anchor's arrays")),
      version_(anchor_.version),
      words_(table_.layout().size_bytes()) {
    value_of(read_anchor(table_, anchor_, source_of(*bucket_, run_), words_), "the anchor");
    check_digest(anchor_);
    std::int64_t held = version_;
    for (const Record& record : log_) {
        if (record.kind != RecordKind::delta || record.base_version != held) continue;
        road_.push_back(&record);
        held = record.version;
    }
}

const Record& RecordedRun::next_record() const {
    require(remaining() > 0, "there is a version after this one");
    return *road_[next_];
}

Changes RecordedRun::advance() {
    const Record& record = next_record();
    Changes changes = value_of(read_delta(table_, record, words_, source_of(*bucket_, run_)),
                               "version " + std::to_string(record.version));
    add_old_words(table_, words_, changes);
    patch(table_, changes, words_);
    check_digest(record);
    version_ = record.version;
    next_ += 1;
    return changes;
}

void RecordedRun::check_digest(const Record& record) const {
    if (sum(digest_tiles(table_, words_)) == record.digest) return;
    throw std::runtime_error("version " + std::to_string(record.version) +
                             ": its words have another digest than its record");
}

}  // namespace dws
