// FORMAT.md shows bytes; these are they.
#include <gtest/gtest.h>

#include <filesystem>

#include "sync/chain.h"
#include "sync/fetch.h"
#include "sync/jump.h"
#include "sync/replica.h"
#include "sync/sha256.h"
#include "sync/version_history.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/files.h"
#include "tests/support/format_example.h"

namespace dws {
namespace {

Bytes golden(const std::string& name) {
    return read_file(std::filesystem::path(SOURCE_ROOT) / "tests/golden" / name);
}

TEST(FormatExample, FilesAndRecordsAreTheDocumentedBytes) {
    const FormatExample example;
    EXPECT_EQ(example.anchor_file(), golden("format_anchor.safetensors"));
    EXPECT_EQ(example.delta_file(), golden("format_delta.safetensors"));
    EXPECT_EQ(encode_record(example.anchor_record()), golden("format_record_0.json"));
    EXPECT_EQ(encode_record(example.delta_record()), golden("format_record_1.json"));
    EXPECT_EQ(encode_jump(example.jump()), golden("format_jump.json"));
}

TEST(FormatExample, ItsLogLeadsAFollowerToTheNextVersion) {
    const FormatExample example;
    FaultyBucket bucket;
    ASSERT_TRUE(bucket.put(log_key("demo", 0), golden("format_record_0.json")));
    ASSERT_TRUE(bucket.put(log_key("demo", 1), golden("format_record_1.json")));
    ChainReader reader(bucket, "demo");
    const Result<Record> anchor = reader.next();
    ASSERT_TRUE(anchor) << anchor.error().detail;
    const Result<Record> delta = reader.next();
    ASSERT_TRUE(delta) << delta.error().detail;

    Bytes live(example.base.size());
    Replica replica(example.table, live);
    replica.commit(*replica.stage_anchor(*anchor, example.base));
    Changes changes;
    ASSERT_TRUE(decode_delta(example.table, golden("format_delta.safetensors"), 1, changes));
    const Result<StagedVersion> staged = replica.stage_delta(*delta, changes);
    ASSERT_TRUE(staged) << staged.error().detail;
    replica.commit(*staged);
    EXPECT_EQ(live, example.next);
}

TEST(FormatExample, ItsJumpServesWhoeverReadItsLog) {
    const FormatExample example;
    VersionHistory history;
    for (const char* name : {"format_record_0.json", "format_record_1.json"}) {
        const Bytes stored = golden(name);
        history.add(*decode_record(stored), sha256_hex(stored));
    }
    const Result<Jump> jump = decode_jump(golden("format_jump.json"));
    ASSERT_TRUE(jump) << jump.error().detail;
    const Result<Done> added = history.add(*jump);
    ASSERT_TRUE(added) << added.error().detail;
    const Road road = history.road(-1, 1);
    ASSERT_EQ(road.size(), 1u) << "one anchor of version 1 is less than anchor 0 and a delta";
    Bytes live(example.base.size());
    const Replica replica(example.table, live);
    Bytes words(example.base.size());
    const ObjectSource source = [&](const ObjectRef&) -> Result<Bytes> {
        return example.jump_file();
    };
    ASSERT_TRUE(read_anchor(example.table, *road.front(), source, words));
    EXPECT_TRUE(replica.stage_anchor(*road.front(), words));
    EXPECT_EQ(words, example.next);
}

}  // namespace
}  // namespace dws
