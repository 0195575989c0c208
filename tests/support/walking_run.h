// A run whose weights walk (walking_weights.h), written straight into a bucket: an anchor, deltas
// in the compact format, in the end an end. Keeps the digests, not the words.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "sync/chain.h"
#include "sync/codec/compact.h"
#include "sync/digest.h"
#include "sync/sha256.h"
#include "tests/support/walking_weights.h"

namespace dws {

class WalkingRun {
public:
    WalkingRun(Bucket& bucket, std::size_t words, float learning_rate, std::uint64_t seed)
        : table(make_table({{"w", DType::kBF16, {static_cast<std::int64_t>(words)}}})),
          bucket_(bucket),
          weights_(table, learning_rate, seed),
          chain_(bucket, "run", {}, 1) {
        publish_anchor();
    }

    void publish(int versions) {
        for (int version = 0; version < versions; ++version) publish_delta();
    }
    // A version stored whole, though it is not the first.
    void publish_anchor() {
        Record draft = next_draft(RecordKind::anchor);
        draft.changed_words = table.words();
        add_files(draft, [&](const FileSink& sink) {
            return encode_anchor(table, weights_.words(), draft.version, SIZE_MAX, sink);
        });
        commit(std::move(draft));
    }
    void publish_end() {
        Record draft;
        draft.kind = RecordKind::end;
        ASSERT_TRUE(chain_.commit(draft));
    }

    // Groups of "worker" that the next version decides.
    void decide(std::int64_t groups) { decided_ = groups; }

    const ArrayTable table;
    std::vector<Record> records;  // by version
    std::uint64_t anchor_bytes() const { return records.front().objects.front().size_bytes; }
    std::uint64_t delta_bytes() const {
        std::uint64_t bytes = 0;
        for (const Record& record : records)
            if (record.kind == RecordKind::delta) bytes += record.objects.front().size_bytes;
        return bytes;
    }
    const Bytes& words() const { return weights_.words(); }
    const Digest& digest() const { return records.back().digest; }

private:
    void publish_delta() {
        const Bytes base = weights_.words();
        weights_.step();
        Record draft = next_draft(RecordKind::delta);
        draft.base_version = draft.version - 1;
        draft.changed_words = count(diff(table, base, weights_.words()));
        add_files(draft, [&](const FileSink& sink) {
            return encode_compact(table, base, weights_.words(), draft.version, draft.base_version,
                                  {}, sink);
        });
        commit(std::move(draft));
    }
    Record next_draft(RecordKind kind) const {
        Record draft;
        draft.kind = kind;
        draft.version = chain_.position().version + 1;
        draft.total_words = table.words();
        draft.layout_hash = table.layout_hash();
        draft.digest = sum(digest_tiles(table, weights_.words()));
        draft.trainer_step = draft.version;
        return draft;
    }
    template <class Encode>
    void add_files(Record& draft, const Encode& encode) {
        encode([&](const Bytes& file) {
            ObjectRef object{"", file.size(), sha256_hex(file)};
            object.key = fmt_key(draft, object.sha256);
            EXPECT_TRUE(bucket_.put("run/" + object.key, file));
            draft.objects.push_back(std::move(object));
            return true;
        });
    }
    static std::string fmt_key(const Record& draft, const std::string& sha256) {
        const std::string number = std::to_string(draft.version);
        return std::string("objects/") + name_of(draft.kind) + "-" +
               std::string(6 - number.size(), '0') + number + "-" + sha256.substr(0, 16) +
               ".safetensors";
    }
    void commit(Record draft) {
        if (decided_ > 0) {
            draft.games = {{"worker", next_group_, next_group_ + decided_, {}, {}, {}}};
            next_group_ += decided_;
            decided_ = 0;
        }
        const Result<Record> record = chain_.commit(std::move(draft));
        ASSERT_TRUE(record) << record.error().detail;
        records.push_back(*record);
    }

    Bucket& bucket_;
    WalkingWeights weights_;
    ChainWriter chain_;
    std::int64_t decided_ = 0;
    std::int64_t next_group_ = 0;
};

}  // namespace dws
