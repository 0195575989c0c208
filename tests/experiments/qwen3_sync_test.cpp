// What the experiment reports is only as good as what it reads: events joined by version, sizes
// that are those of real files, and versions that are replayed exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "experiments/qwen3_sync/copy_run.h"
#include "experiments/qwen3_sync/medians.h"
#include "experiments/qwen3_sync/report.h"
#include "experiments/qwen3_sync/version_tape.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/walking_run.h"

namespace dws {
namespace {

constexpr std::size_t kWords = 150'000;
constexpr int kVersions = 5;

// A folder bucket that holds a run of an anchor and five deltas.
class RecordedVersions : public ::testing::Test {
protected:
    RecordedVersions() : bucket_(open_bucket(folder(), {}, {})) {
        WalkingRun run(*bucket_, kWords, 1e-5f, 11);
        run.publish(kVersions);
        run.publish_end();
    }
    std::string folder() const { return (scratch_.path() / "bucket").string(); }

    ScratchFolder scratch_;
    std::unique_ptr<Bucket> bucket_;
};

TEST(ArrayKind, FollowsTheNamesOfTheCheckpoint) {
    EXPECT_EQ(kind_of("model.embed_tokens.weight"), ArrayKind::embedding);
    EXPECT_EQ(kind_of("lm_head.weight"), ArrayKind::embedding);
    EXPECT_EQ(kind_of("model.layers.3.self_attn.o_proj.weight"), ArrayKind::attention);
    EXPECT_EQ(kind_of("model.layers.3.self_attn.q_norm.weight"), ArrayKind::norm);
    EXPECT_EQ(kind_of("model.layers.3.mlp.down_proj.weight"), ArrayKind::mlp);
    EXPECT_EQ(kind_of("model.layers.3.post_attention_layernorm.weight"), ArrayKind::norm);
    EXPECT_EQ(kind_of("model.norm.weight"), ArrayKind::norm);
}

TEST_F(RecordedVersions, AreMeasuredAsFilesOfEachFormat) {
    RecordedRun run(folder(), "run");
    std::vector<VersionSizes> rows;
    while (run.remaining() > 0) rows.push_back(next_sizes(run, 2));
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(kVersions));
    for (const VersionSizes& row : rows) {
        EXPECT_EQ(row.all_words(), kWords);
        ASSERT_GT(row.all_changed(), 100u);
        EXPECT_EQ(row.bytes.dense, 2 * kWords);
        EXPECT_GE(row.bytes.raw, 6 * row.all_changed());
        EXPECT_LT(row.bytes.raw, 6 * row.all_changed() + 1'000);  // one header
        EXPECT_GE(row.bytes.gap_delta, 4 * row.all_changed());
        EXPECT_LT(row.bytes.gap_delta, row.bytes.raw);
        EXPECT_LT(row.bytes.flat, row.bytes.gap_delta);
        EXPECT_LE(row.bytes.smallest, row.bytes.flat + 100);
    }
}

TEST_F(RecordedVersions, SizesReadBackAsTheyWereWritten) {
    RecordedRun run(folder(), "run");
    const std::vector<VersionSizes> rows{next_sizes(run, 1), next_sizes(run, 1)};
    write_sizes(scratch_.path() / "sizes.tsv", "a machine", rows);
    const std::vector<VersionSizes> read = read_sizes(scratch_.path() / "sizes.tsv");
    ASSERT_EQ(read.size(), rows.size());
    for (std::size_t index = 0; index < rows.size(); ++index) {
        EXPECT_EQ(read[index].version, rows[index].version);
        EXPECT_EQ(read[index].changed, rows[index].changed);
        EXPECT_EQ(read[index].words, rows[index].words);
        EXPECT_EQ(read[index].bytes.raw, rows[index].bytes.raw);
        EXPECT_EQ(read[index].bytes.smallest, rows[index].bytes.smallest);
    }
}

TEST_F(RecordedVersions, ATableThatIsCutIsRefused) {
    std::ofstream(scratch_.path() / "sizes.tsv") << "version\ttrainer_step\n1\t1\t5\n";
    EXPECT_THROW(read_sizes(scratch_.path() / "sizes.tsv"), std::runtime_error);
}

TEST_F(RecordedVersions, ACopyIsTheSameRun) {
    const std::string copied = (scratch_.path() / "copied").string();
    EXPECT_GT(copy_run(*bucket_, *open_bucket(copied, {}, {}), "run"), 2 * kWords);
    RecordedRun first(folder(), "run"), second(copied, "run");
    while (first.remaining() > 0) {
        first.advance();
        second.advance();
        EXPECT_TRUE(first.words() == second.words());
    }
    EXPECT_EQ(second.remaining(), 0u);
    EXPECT_THROW(copy_run(*bucket_, *bucket_, "another"), std::runtime_error);
}

bool are_equal(const Changes& left, const Changes& right) {
    return std::ranges::equal(left, right, [](const auto& one, const auto& other) {
        return one.first == other.first && one.second.positions == other.second.positions &&
               one.second.before == other.second.before && one.second.after == other.second.after;
    });
}

// To the end, back to its beginning, and on again: every word that is said to change does.
TEST_F(RecordedVersions, ATapeRunsForthAndBack) {
    RecordedRun reference(folder(), "run");
    for (int version = 0; version < kVersions - 3; ++version) reference.advance();
    std::vector<Bytes> words{reference.words()};
    while (reference.remaining() > 0) {
        reference.advance();
        words.push_back(reference.words());
    }
    RecordedRun run(folder(), "run");
    VersionTape tape(run, 3);
    const auto same = [](std::span<const std::byte> held, const Bytes& expected) {
        return std::ranges::equal(held, expected);
    };
    EXPECT_TRUE(same(tape.words(), words[0]));
    std::size_t before = 0;
    for (const std::size_t at : {1, 2, 3, 2, 1, 0, 1, 2}) {
        const Changes& changes = tape.step();
        EXPECT_TRUE(same(tape.words_before(), words[before]));
        EXPECT_TRUE(same(tape.words(), words[at]));
        EXPECT_TRUE(are_equal(changes, diff(run.table(), words[before], words[at])));
        before = at;
    }
}

void write_events(const std::filesystem::path& folder, const std::string& program,
                  const std::vector<nlohmann::json>& events) {
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / (program + ".jsonl"));
    for (const nlohmann::json& event : events) file << event.dump() << '\n';
}

nlohmann::json published(std::int64_t version, double time_s, double total_ms) {
    return {{"event", "version"}, {"time_unix_s", time_s},   {"version", version},
            {"steps", 1},         {"trainer_step", version}, {"changed_words", 10},
            {"file_bytes", 70},   {"encode_ms", 1},          {"upload_ms", 20},
            {"commit_ms", 5},     {"total_ms", total_ms}};
}

nlohmann::json committed(std::int64_t version, double time_s, double pause_ms) {
    return {{"event", "commit"}, {"time_unix_s", time_s}, {"version", version},
            {"notify_ms", 7},    {"fetch_ms", 30},        {"stage_ms", 40},
            {"verify_ms", 15},   {"wait_ms", 3},          {"pause_ms", pause_ms}};
}

TEST(RunStory, JoinsBothEndsOfASync) {
    const ScratchFolder scratch;
    write_events(scratch.path(), "trainer_bridge",
                 {published(0, 1000, 500), published(1, 1001, 100), published(2, 1002, 100)});
    write_events(scratch.path(), "rollout_worker-0",
                 {committed(0, 1000.5, 1), committed(1, 1001.25, 2)});
    const std::vector<SyncTimes> syncs = RunStory(scratch.path()).syncs();
    ASSERT_EQ(syncs.size(), 1u);  // not the anchor, and not what nobody committed
    EXPECT_EQ(syncs[0].version, 1);
    EXPECT_NEAR(syncs[0].total_ms, 350, 1e-3);
    EXPECT_EQ(syncs[0].decode_ms, 25);
    EXPECT_EQ(syncs[0].verify_ms, 15);
    EXPECT_EQ(syncs[0].pause_ms, 2);
    EXPECT_EQ(syncs[0].file_bytes, 70);
}

TEST(RunStory, ASyncBeginsWithItsEncoding) {
    const ScratchFolder scratch;
    write_events(scratch.path(), "version_replay",
                 {{{"event", "encoded"},
                   {"time_unix_s", 1000.9},
                   {"version", 1},
                   {"started_unix_s", 1000.5},
                   {"encode_ms", 400}},
                  published(1, 1001, 50)});
    write_events(scratch.path(), "rollout_worker-0", {committed(1, 1001.5, 2)});
    const std::vector<SyncTimes> syncs = RunStory(scratch.path()).syncs();
    ASSERT_EQ(syncs.size(), 1u);
    EXPECT_NEAR(syncs[0].total_ms, 1000, 1e-3);
    EXPECT_EQ(syncs[0].encode_ms, 401);
}

TEST(RunStory, CountsTokensInAndBetweenSyncs) {
    const ScratchFolder scratch;
    std::vector<nlohmann::json> events;
    // 10 tokens a second, from the tenth second on 4.
    for (int second = 0; second <= 20; ++second) {
        const int tokens = second <= 10 ? 10 * second : 100 + 4 * (second - 10);
        events.push_back(
            {{"event", "tokens"}, {"time_unix_s", 1000 + second}, {"generated_tokens", tokens}});
    }
    write_events(scratch.path(), "rollout_worker-0", events);
    const auto stretch = [](bool is_busy, double from_s, double to_s) {
        return nlohmann::json{{"event", "stretch"},
                              {"is_busy", is_busy},
                              {"from_unix_s", from_s},
                              {"to_unix_s", to_s}};
    };
    write_events(scratch.path(), "version_replay",
                 {stretch(false, 1002.5, 1009.25), stretch(true, 1010.5, 1018)});
    const RunStory story(scratch.path());
    EXPECT_NEAR(story.tokens_per_s(false), 10, 1e-6);
    EXPECT_NEAR(story.tokens_per_s(true), 4, 1e-6);
}

TEST(RunStory, KnowsHowManyGroupsTaughtNothing) {
    const ScratchFolder scratch;
    write_events(scratch.path(), "trainer_bridge",
                 {{{"event", "step"},
                   {"step", 1},
                   {"batch/groups_per_step", 2},
                   {"sample/skipped_total", 1}},
                  {{"event", "step"},
                   {"step", 2},
                   {"batch/groups_per_step", 1},
                   {"sample/skipped_total", 3}}});
    EXPECT_EQ(RunStory(scratch.path()).zero_variance_share(), 0.5);
    EXPECT_EQ(RunStory(scratch.path() / "nowhere").zero_variance_share(), 1);
}

TEST(Medians, LeaveOutARunsBeginning) {
    std::vector<SyncTimes> syncs;
    for (int i = 0; i < 40; ++i) syncs.push_back({.pause_ms = i < 20 ? 100.0 : 5.0});
    EXPECT_EQ(medians_of(syncs).pause_ms, 5);
    EXPECT_EQ(longest_pause_ms(syncs), 100);
    syncs.resize(20);
    EXPECT_EQ(medians_of(syncs).pause_ms, 100);
    EXPECT_EQ(medians_of(std::vector<SyncTimes>{}).pause_ms, 0);
}

TEST_F(RecordedVersions, TheReportHoldsWhatIsAskedOfIt) {
    const std::filesystem::path events = scratch_.path() / "events";
    write_events(events, "trainer_bridge", {published(1, 1001, 100), published(2, 1002, 100)});
    write_events(events, "rollout_worker-0", {committed(1, 1001.2, 2), committed(2, 1002.4, 4)});
    RecordedRun run(folder(), "run");
    ExperimentRuns runs;
    runs.machine = "a machine";
    runs.trained.push_back({"1e-6", RunStory(events), {next_sizes(run, 1), next_sizes(run, 1)}});
    runs.replays.emplace("loopback-ours", RunStory(events));
    write_report(runs, scratch_.path() / "results.json", scratch_.path());

    std::ifstream file(scratch_.path() / "results.json");
    const nlohmann::json json = nlohmann::json::parse(file);
    for (const char* name :
         {"changed_fraction", "bytes_dense", "bytes_raw_p50", "bytes_gap_p50", "bytes_ours_p50",
          "pause_ms_p50", "sync_ms_p50", "digests_failed", "steps", "machine", "commit", "rows"}) {
        EXPECT_TRUE(json.contains(name)) << name;
    }
    EXPECT_EQ(json["rows"].size(), 2u);
    EXPECT_EQ(json["bytes_dense"], 2.0 * kWords);
    EXPECT_NEAR(json["raw_bytes_per_change"].get<double>(), 6, 1);
    EXPECT_TRUE(json["replays"].contains("loopback-ours"));
    EXPECT_TRUE(std::filesystem::exists(scratch_.path() / "table.md"));
    EXPECT_TRUE(std::filesystem::exists(scratch_.path() / "timeline-ours.tsv"));
    EXPECT_TRUE(std::filesystem::exists(scratch_.path() / "steps-1e-6.tsv"));
}

}  // namespace
}  // namespace dws
