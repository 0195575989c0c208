#include "experiments/wire/run_pairs.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "sync/bucket/bucket.h"
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

void check_digest(const ArrayTable& table, const Record& record, const Bytes& words) {
    if (sum(digest_tiles(table, words)) == record.digest) return;
    throw std::runtime_error("version " + std::to_string(record.version) +
                             ": its words have another digest than its record");
}

}  // namespace

void for_each_run_pair(const std::filesystem::path& folder, const std::string& run,
                       std::size_t versions, const PairVisit& visit) {
    const std::unique_ptr<Bucket> bucket =
        open_bucket(folder.string(), {}, {}, {}, BucketAccess::read);
    const ObjectSource source = [&](const ObjectRef& object) {
        return fetch_object(*bucket, run, object);
    };
    const std::vector<Record> log = read_log(*bucket, run);
    const auto anchor = std::find_if(log.begin(), log.end(), [](const Record& record) {
        return record.kind == RecordKind::anchor;
    });
    if (anchor == log.end()) throw std::runtime_error(run + ": no anchor in its log");
    const ArrayTable table = value_of(read_table(*anchor, source), "the anchor's arrays");
    if (table.word_bytes() != 2 * table.words())
        throw std::runtime_error(run + ": its words have not 16 bits");
    Bytes words(table.layout().size_bytes());
    value_of(read_anchor(table, *anchor, source, words), "the anchor");
    check_digest(table, *anchor, words);
    std::int64_t held = anchor->version;

    // Each delta that follows on what is held; merged ones beside them are passed over.
    std::vector<const Record*> road;
    for (auto record = anchor + 1; record != log.end(); ++record) {
        if (record->kind != RecordKind::delta || record->base_version != held) continue;
        road.push_back(&*record);
        held = record->version;
    }
    const std::size_t stride = std::max<std::size_t>(1, road.size() / versions);
    std::size_t visited = 0;
    for (std::size_t index = 0; index < road.size() && visited < versions; ++index) {
        const Record& record = *road[index];
        const Changes changes = value_of(read_delta(table, record, words, source), "a delta");
        Bytes next = words;
        patch(table, changes, next);
        check_digest(table, record, next);
        if (index % stride == stride / 2 && !changes.empty()) {
            ++visited;
            visit(VersionPair("v" + std::to_string(record.version), table, words, next));
        }
        words = std::move(next);
    }
}

}  // namespace dws
