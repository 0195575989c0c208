// A trainer of three ranks in three processes, killed at every point of a version's way: whatever
// dies, the log stays one chain of whole versions and the run goes on to its end.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "base/clock.h"
#include "experiments/launcher/child_process.h"
#include "sync/chain.h"
#include "sync/fetch.h"
#include "tests/end_to_end/rank_model.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

// The point at which each rank is killed; empty: it is not.
using Points = std::array<std::string, kRanks>;

// The words after every step.
const std::vector<Bytes>& words_by_step() {
    static const std::vector<Bytes> words = [] {
        RankModel model;
        std::vector<Bytes> all{model.words()};
        while (model.step() < kSteps) {
            model.take_step();
            all.push_back(model.words());
        }
        return all;
    }();
    return words;
}

class Trainer {
public:
    Trainer(const ScratchFolder& scratch, const Points& points) : scratch_(scratch) {
        for (std::size_t rank = 0; rank < kRanks; ++rank) start(rank, points[rank]);
    }

    // Starts the killed ones again. False once rank 0 has ended the run, or a rank went wrong.
    bool is_running() {
        for (std::size_t rank = 0; rank < kRanks; ++rank) {
            const std::optional<int> status = ranks_[rank]->status();
            if (!status) continue;
            if (*status != 128 + SIGKILL) {
                EXPECT_EQ(*status, 0) << "rank " << rank << ":\n" << printed();
                return false;
            }
            ++kills_;
            start(rank, "");
        }
        return true;
    }
    std::size_t kills() const { return kills_; }
    std::string printed() const {
        std::ifstream file(scratch_ / "ranks.log");
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    void start(std::size_t rank, const std::string& point) {
        ranks_[rank] = std::make_unique<ChildProcess>(
            std::vector<std::string>{BINARY_ROOT "/rank_process", scratch_ / "bucket",
                                     "ipc://" + (scratch_ / "turns").string(), std::to_string(rank),
                                     point.empty() ? "none" : point},
            scratch_ / "ranks.log");
    }

    const ScratchFolder& scratch_;
    std::array<std::unique_ptr<ChildProcess>, kRanks> ranks_;
    std::size_t kills_ = 0;
};

// Rebuilds every version from the bucket alone, in order.
void expect_whole_versions(Bucket& bucket, const std::string& printed) {
    const RankModel model;
    const ArrayTable& table = model.table();
    Bytes words(table.layout().size_bytes());
    Replica replica(table, words);
    const ObjectSource source = [&](const ObjectRef& object) {
        return fetch_object(bucket, "run", object);
    };
    ChainReader reader(bucket, "run");
    std::set<std::int64_t> versions;
    for (Result<Record> record = reader.next(); record; record = reader.next()) {
        if (record->kind == RecordKind::anchor) {
            Bytes whole(words.size());
            ASSERT_TRUE(read_anchor(table, *record, source, whole));
            replica.commit(*replica.stage_anchor(*record, std::move(whole)));
        } else if (record->kind == RecordKind::delta) {
            EXPECT_EQ(record->objects.size(), table.tiles()) << "every shard's files, all touched";
            Result<Changes> changes = read_delta(table, *record, words, source);
            ASSERT_TRUE(changes) << changes.error().detail << "\n" << printed;
            const auto staged = replica.stage_delta(*record, std::move(*changes));
            ASSERT_TRUE(staged) << staged.error().detail << "\n" << printed;
            replica.commit(*staged);
        } else {
            continue;
        }
        EXPECT_TRUE(versions.insert(record->version).second) << "version " << record->version;
        EXPECT_EQ(words, words_by_step().at(static_cast<std::size_t>(record->trainer_step)))
            << "version " << record->version << "\n"
            << printed;
    }
    EXPECT_TRUE(reader.position().has_ended) << printed;
    EXPECT_EQ(reader.position().trainer_step, kSteps);
    EXPECT_EQ(*versions.rbegin() + 1, std::ssize(versions)) << "numbered without gaps";
    EXPECT_GT(reader.position().version, kFatalVersion);
}

void expect_verified(const ScratchFolder& scratch) {
    ChildProcess verify(
        {BINARY_ROOT "/dws", "verify", "--bucket", scratch / "bucket", "--run", "run"},
        scratch / "verify.log");
    EXPECT_EQ(verify.wait_s(20), 0);
}

// Follows the run while ranks die, as a worker does that knows nothing of them.
void run_to_its_end(const Points& points) {
    const ScratchFolder scratch;
    const std::unique_ptr<Bucket> bucket = open_bucket((scratch / "bucket").string(), {}, {});
    const RankModel model;
    TestFollower follower(*bucket, model.table());
    Trainer trainer(scratch, points);
    const auto look = [&] {
        if (!follower.commit_staged()) return;
        const auto step = static_cast<std::size_t>(follower.replica().trainer_step());
        EXPECT_EQ(follower.words(), words_by_step().at(step));
    };
    for (const Stopwatch running; trainer.is_running();) {
        ASSERT_LT(running.seconds(), 60) << trainer.printed();
        look();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    const auto killed = std::ranges::count_if(points, [](auto& point) { return !point.empty(); });
    EXPECT_EQ(trainer.kills(), static_cast<std::size_t>(killed)) << trainer.printed();
    EXPECT_TRUE(eventually([&] {
        look();
        return follower.subscriber->is_complete();
    })) << follower.faults.all();
    EXPECT_EQ(follower.replica().trainer_step(), kSteps);
    expect_whole_versions(*bucket, trainer.printed());
    expect_verified(scratch);
}

TEST(RankProcesses, PublishOneChain) { run_to_its_end({}); }

struct Death {
    std::size_t rank;
    std::string point;
};
void PrintTo(const Death& death, std::ostream* out) {
    *out << "rank " << death.rank << " " << death.point;
}

class RankDeath : public testing::TestWithParam<Death> {};

TEST_P(RankDeath, LeavesWholeVersionsAndTheRunGoesOn) {
    Points points;
    points[GetParam().rank] = GetParam().point;
    run_to_its_end(points);
}

INSTANTIATE_TEST_SUITE_P(EveryRankAtEveryPoint, RankDeath,
                         testing::Values(Death{0, "before_upload"}, Death{0, "during_upload"},
                                         Death{0, "before_receipt"}, Death{0, "after_receipt"},
                                         Death{0, "before_commit"}, Death{0, "during_commit"},
                                         Death{0, "after_commit"}, Death{1, "before_upload"},
                                         Death{1, "during_upload"}, Death{1, "before_receipt"},
                                         Death{1, "after_receipt"}, Death{2, "before_upload"},
                                         Death{2, "during_upload"}, Death{2, "before_receipt"},
                                         Death{2, "after_receipt"}),
                         [](const auto& named) {
                             return "Rank" + std::to_string(named.param.rank) + "_" +
                                    named.param.point;
                         });

TEST(RankProcesses, SurviveTheDeathOfTwo) {
    run_to_its_end({"during_commit", "after_receipt", ""});
    run_to_its_end({"", "before_receipt", "during_upload"});
}

TEST(RankProcesses, SurviveTheDeathOfAll) {
    run_to_its_end({"before_commit", "after_receipt", "before_upload"});
}

}  // namespace
}  // namespace dws
