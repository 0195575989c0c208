// What publishing a version takes in memory, measured on the heap while its files are held back.
#include <gtest/gtest.h>
#include <malloc.h>

#include "sync/codec/compact_format.h"
#include "sync/publisher.h"
#include "tests/support/gated_bucket.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

// Bytes on the heap, in arenas and mapped.
std::size_t heap_bytes() {
    const struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

// Many arrays of one tile, each a file by itself: a version of 6 MiB in files of 128 KiB.
ArrayTable table_of_many() {
    std::vector<TensorSpec> specs;
    for (int index = 0; index < 48; ++index)
        specs.push_back({"a" + std::to_string(index), DType::kBF16, {65'536}});
    return make_table(std::move(specs));
}
constexpr std::size_t kManyFile = 2 * 65'536;

// Threads, strings and the headers of files.
constexpr std::size_t kBesidesFiles = 128 << 10;

TEST(VersionMemory, AnAnchorTakesItsFilesInFlight) {
    const ArrayTable table = table_of_many();
    GatedBucket bucket;
    TestTrainer trainer(bucket, table, 25);
    trainer.options.file_bytes = kManyFile;
    trainer.options.files_in_flight = 3;
    ASSERT_TRUE(trainer.start());
    bucket.close_gate();
    const std::size_t before = heap_bytes();
    std::jthread caller(
        [&] { EXPECT_TRUE(trainer.publisher->publish_anchor(trainer.words(), 0, {})); });
    EXPECT_TRUE(eventually([&] { return bucket.waiting() == 2; }));
    std::this_thread::sleep_for(std::chrono::milliseconds{50});  // time to make a file too many
    EXPECT_LE(heap_bytes(), before + 3 * kManyFile + kBesidesFiles);
    bucket.open_gate();
}

// Every word changes: what is pending is ten bytes a word, and files come on top of it.
TEST(VersionMemory, ADeltaTakesItsFilesInFlightAndTheOneBeingMade) {
    const ArrayTable table = table_of_many();
    GatedBucket bucket;
    TestTrainer trainer(bucket, table, 26);
    trainer.options.file_bytes = kManyFile;
    trainer.options.files_in_flight = 3;
    ASSERT_TRUE(trainer.start_with_anchor());
    Random random(27);
    const std::size_t largest = longest_tile_bytes(kTileWords, 2);  // of random words
    Pending step = trainer.step_to(random_words(table, random));
    bucket.close_gate();
    const std::size_t before = heap_bytes();
    ASSERT_TRUE(trainer.publisher->hand_over(std::move(step)));
    EXPECT_TRUE(eventually([&] { return bucket.waiting() == 2; }));
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    constexpr std::size_t kEncoder = 4 << 20;  // a thread's tables
    EXPECT_LE(heap_bytes(), before + 4 * largest + kEncoder + kBesidesFiles);
    bucket.open_gate();
    EXPECT_TRUE(trainer.publisher->flush({}));
}

}  // namespace
}  // namespace dws
