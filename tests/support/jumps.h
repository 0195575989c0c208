// What a compactor would write beside a test's run.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "sync/changes.h"
#include "sync/codec/interchange.h"
#include "sync/jump.h"
#include "sync/sha256.h"
#include "tests/support/records.h"
#include "tests/support/test_run.h"

namespace dws {

// With something in every field.
inline Jump full_jump() {
    const Record record = full_record();
    Jump jump;
    jump.run = record.run;
    jump.writer = record.writer;
    jump.version = record.version;
    jump.base_version = 32;
    jump.sequence = record.sequence;
    jump.record_sha256 = std::string(64, '5');
    jump.objects = record.objects;
    jump.changed_words = record.changed_words;
    jump.total_words = record.total_words;
    jump.layout_hash = record.layout_hash;
    jump.digest = record.digest;
    jump.trainer_step = record.trainer_step;
    jump.created_unix_s = record.created_unix_s;
    return jump;
}

// A jump of the run from `base` (-1: an anchor) to `version`, whose objects are in the bucket.
inline Jump make_jump(PublishedRun& run, std::int64_t base, std::int64_t version) {
    const auto published = run.trainer.published();
    const Record& target = published.at(static_cast<std::size_t>(version)).record;
    const Bytes next = run.trainer.words_at_step(target.trainer_step);
    Jump jump;
    jump.run = target.run;
    jump.writer = "compactor-1";
    jump.kind = base < 0 ? RecordKind::anchor : RecordKind::delta;
    jump.version = version;
    jump.base_version = base;
    jump.sequence = target.sequence;
    jump.record_sha256 = sha256_hex(run.bucket.objects().at(log_key(target.run, target.sequence)));
    jump.changed_words = jump.total_words = target.total_words;
    jump.layout_hash = target.layout_hash;
    jump.digest = target.digest;
    jump.trainer_step = target.trainer_step;
    jump.created_unix_s = target.created_unix_s;
    const FileSink put = [&](Bytes file) {
        const std::string sha256 = sha256_hex(file);
        jump.objects.push_back({"objects/jump-" + sha256.substr(0, 16), file.size(), sha256});
        return bool(run.bucket.put(target.run + "/" + jump.objects.back().key, file));
    };
    if (base < 0) {
        encode_anchor(run.table, next, version, 1u << 20, put);
        return jump;
    }
    const Changes changes = diff(
        run.table,
        run.trainer.words_at_step(published.at(static_cast<std::size_t>(base)).record.trainer_step),
        next);
    jump.changed_words = count(changes);
    encode_delta(run.table, changes, version, Encoding::gap_delta, 1u << 20, put);
    return jump;
}

inline void put_jump(PublishedRun& run, const Jump& jump) {
    EXPECT_TRUE(
        run.bucket.put(jump_key(jump.run, jump.base_version, jump.version), encode_jump(jump)));
}

// make_jump(), offered.
inline Jump offer_jump(PublishedRun& run, std::int64_t base, std::int64_t version) {
    Jump jump = make_jump(run, base, version);
    put_jump(run, jump);
    return jump;
}

// As gc does: the objects of the log's records from `first` to `last` are gone.
inline void remove_objects(PublishedRun& run, std::int64_t first, std::int64_t last) {
    const auto published = run.trainer.published();
    for (std::int64_t version = first; version <= last; ++version)
        for (const ObjectRef& object :
             published.at(static_cast<std::size_t>(version)).record.objects)
            EXPECT_TRUE(run.bucket.remove("run/" + object.key));
}

}  // namespace dws
