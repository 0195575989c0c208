#include "sync/fetch.h"

#include <gtest/gtest.h>

#include "sync/codec/interchange.h"
#include "sync/sha256.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/random_arrays.h"

namespace dws {
namespace {

Record record_claiming(std::uint64_t size_bytes) {
    Record record;
    record.objects = {{"objects/o", size_bytes, std::string(64, '0')}};
    return record;
}

TEST(Fetch, AnObjectLargerThanTheArraysNeedIsNeverAskedFor) {
    const ArrayTable table = mixed_table(DType::kBF16);
    Bytes words(table.layout().size_bytes());
    const ObjectSource source = [](const ObjectRef&) -> Result<Bytes> {
        ADD_FAILURE() << "it was asked for";
        return Error{Fault::missing, ""};
    };
    const std::uint64_t most = largest_file_bytes(table.words(), table.word_bytes());
    for (const std::uint64_t claim : {most + 1, kMaxObjectBytes}) {
        const Result<Changes> delta = read_delta(table, record_claiming(claim), words, source);
        ASSERT_FALSE(delta);
        EXPECT_EQ(delta.error().fault, Fault::corrupt);
        EXPECT_NE(delta.error().detail.find("objects/o"), std::string::npos);
        const Result<Done> anchor = read_anchor(table, record_claiming(claim), source, words);
        ASSERT_FALSE(anchor);
        EXPECT_EQ(anchor.error().fault, Fault::corrupt);
    }
}

TEST(Fetch, TheLargestDeltaThereIsFits) {
    const ArrayTable table = mixed_table(DType::kBF16);
    const Bytes base(table.layout().size_bytes());
    const Bytes next(base.size(), std::byte{0xff});
    encode_delta(table, diff(table, base, next), 1, Encoding::raw, 1u << 30, [&](Bytes file) {
        Record record = record_claiming(file.size());
        record.version = 1;
        const auto source = [&](const ObjectRef&) -> Result<Bytes> { return file; };
        const Result<Changes> changes = read_delta(table, record, base, source);
        EXPECT_TRUE(changes) << changes.error().detail;
        return true;
    });
}

TEST(Fetch, AnObjectOfAnotherSizeOrHashIsCorrupt) {
    FaultyBucket bucket;
    const Bytes object(100, std::byte{7});
    ASSERT_TRUE(bucket.put("run/objects/o", object));
    const auto fetched = [&](std::uint64_t size, const std::string& sha256) {
        return fetch_object(bucket, "run", {"objects/o", size, sha256});
    };
    EXPECT_TRUE(fetched(100, sha256_hex(object)));
    EXPECT_EQ(fetched(99, sha256_hex(object)).error().fault, Fault::corrupt);
    EXPECT_EQ(fetched(101, sha256_hex(object)).error().fault, Fault::corrupt);
    EXPECT_EQ(fetched(100, std::string(64, '0')).error().fault, Fault::corrupt);
}

}  // namespace
}  // namespace dws
