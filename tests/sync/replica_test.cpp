#include "sync/replica.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/support/random_arrays.h"
#include "tests/support/records.h"

namespace dws {
namespace {

class ReplicaTest : public testing::TestWithParam<DType> {
protected:
    void SetUp() override {
        Random random(41);
        base_ = random_words(table_, random);
        next_ = changed_words(table_, base_, 0.01, random);
        live_.assign(table_.layout().size_bytes(), std::byte{0});
        replica_.emplace(table_, live_);
    }

    Record record_of(RecordKind kind, std::int64_t version, const Bytes& words) const {
        Record record;
        record.kind = kind;
        record.version = version;
        record.base_version = version - 1;
        record.trainer_step = 10 * version;
        record.layout_hash = table_.layout_hash();
        record.digest = sum(digest_tiles(table_, words));
        return record;
    }
    Record delta_record() const {
        Record record = record_of(RecordKind::delta, 5, next_);
        record.changed_words = count(changes());
        return record;
    }
    // As decode_delta() gives them.
    Changes changes() const {
        Changes found = diff(table_, base_, next_);
        for (auto& [tile, tile_changes] : found) tile_changes.before.clear();
        return found;
    }
    void load_base() {
        const auto staged = replica_->stage_anchor(record_of(RecordKind::anchor, 4, base_), base_);
        ASSERT_TRUE(staged) << staged.error().detail;
        replica_->commit(*staged);
    }
    void expect_holds(const Bytes& words) const {
        EXPECT_TRUE(diff(table_, live_, words).empty());
        EXPECT_EQ(replica_->digest(), sum(digest_tiles(table_, words)));
        EXPECT_TRUE(replica_->rescan(0, table_.tiles()));
    }
    // A live word turned over, behind everybody's back.
    void damage(std::size_t tile, std::size_t position) {
        write_word(live_, table_.tile(tile), position,
                   ~read_word(live_, table_.tile(tile), position));
    }

    const ArrayTable table_ = mixed_table(GetParam());
    Bytes base_, next_, live_;
    std::optional<Replica> replica_;
};
INSTANTIATE_TEST_SUITE_P(Widths, ReplicaTest,
                         testing::Values(DType::kF8E4M3, DType::kBF16, DType::kF32));

TEST_P(ReplicaTest, StartsWithoutAVersionAndKnowsWhatItHolds) {
    EXPECT_EQ(replica_->version(), -1);
    expect_holds(Bytes(live_.size()));
    const auto staged = replica_->stage_delta(delta_record(), changes());
    EXPECT_EQ(staged.error().fault, Fault::wrong_base);
}

TEST_P(ReplicaTest, AnAnchorAndADeltaLeadToTheNextVersion) {
    load_base();
    expect_holds(base_);
    const auto staged = replica_->stage_delta(delta_record(), changes());
    ASSERT_TRUE(staged) << staged.error().detail;
    expect_holds(base_);  // staging writes nothing
    replica_->commit(*staged);
    expect_holds(next_);
    EXPECT_EQ(replica_->version(), 5);
    EXPECT_EQ(replica_->trainer_step(), 50);
}

TEST_P(ReplicaTest, WithASpareCopyACommitIsAChangeOfRoles) {
    Bytes spare(live_.size());
    Replica replica(table_, live_, spare);
    const auto commit = [&](const Result<StagedVersion>& staged, const Bytes& before) {
        ASSERT_TRUE(staged) << staged.error().detail;
        const std::byte* const live = replica.words().data();
        replica.prepare(*staged);
        EXPECT_EQ(replica.words().data(), live);
        EXPECT_TRUE(diff(table_, replica.words(), before).empty()) << "preparing is not seen";
        replica.commit(*staged);
        EXPECT_NE(replica.words().data(), live);
        EXPECT_TRUE(replica.rescan(0, table_.tiles()));
        EXPECT_TRUE(diff(table_, {live, live_.size()}, before).empty())
            << "nothing else is written";
        replica.follow_up(*staged);
        EXPECT_TRUE(diff(table_, live_, spare).empty()) << "both copies hold the version";
    };
    commit(replica.stage_anchor(record_of(RecordKind::anchor, 4, base_), base_),
           Bytes(live_.size()));
    commit(replica.stage_delta(delta_record(), changes()), base_);
    EXPECT_TRUE(diff(table_, replica.words(), next_).empty());
}

TEST_P(ReplicaTest, SeveralThreadsStageAndWriteTheSame) {
    Bytes spare(live_.size());
    for (const std::span<std::byte> second : {std::span<std::byte>(), std::span(spare)}) {
        std::ranges::fill(live_, std::byte{0});
        Replica replica(table_, live_, second, {.staging = 3, .pause = 4});
        const auto commit = [&](const Result<StagedVersion>& staged) {
            ASSERT_TRUE(staged) << staged.error().detail;
            replica.prepare(*staged);
            replica.commit(*staged);
            replica.follow_up(*staged);
            EXPECT_TRUE(replica.rescan(0, table_.tiles()));
        };
        commit(replica.stage_anchor(record_of(RecordKind::anchor, 4, base_), base_));
        EXPECT_TRUE(diff(table_, replica.words(), base_).empty());
        commit(replica.stage_delta(delta_record(), changes()));
        EXPECT_TRUE(diff(table_, replica.words(), next_).empty());
    }
}

TEST_P(ReplicaTest, OneOfSeveralThreadsFindsAListedWordThatDoesNotChange) {
    Replica replica(table_, live_, {}, {.staging = 3, .pause = 3});
    replica.commit(*replica.stage_anchor(record_of(RecordKind::anchor, 4, base_), base_));
    Changes padded = changes();
    TileChanges& last = padded.rbegin()->second;
    const Tile tile = table_.tile(padded.rbegin()->first);
    std::size_t unchanged = 0;
    while (unchanged < last.size() && last.positions[unchanged] == unchanged) ++unchanged;
    ASSERT_LT(unchanged, tile.words);
    last.positions.insert(last.positions.begin() + static_cast<std::ptrdiff_t>(unchanged),
                          static_cast<std::uint16_t>(unchanged));
    last.after.insert(last.after.begin() + static_cast<std::ptrdiff_t>(unchanged),
                      read_word(base_, tile, unchanged));
    Record record = delta_record();
    record.changed_words += 1;
    EXPECT_EQ(replica.stage_delta(record, padded).error().fault, Fault::corrupt);
}

// As compact files give them: read from live words.
TEST_P(ReplicaTest, OldWordsThatTheDecoderReadAreProvenToo) {
    load_base();
    const Changes read = diff(table_, base_, next_);
    const auto staged = replica_->stage_delta(delta_record(), read);
    ASSERT_TRUE(staged) << staged.error().detail;
    EXPECT_EQ(staged->tiles, replica_->stage_delta(delta_record(), changes())->tiles);

    Changes damaged = read;  // as if a live word had been another when it was read
    std::uint32_t& before = damaged.begin()->second.before.front();
    before ^= 1;
    if (before == damaged.begin()->second.after.front()) before ^= 3;
    EXPECT_EQ(replica_->stage_delta(delta_record(), damaged).error().fault, Fault::wrong_base);
}

TEST_P(ReplicaTest, ADeltaWithoutChangesIsAVersion) {
    load_base();
    next_ = base_;
    const auto staged = replica_->stage_delta(delta_record(), {});
    ASSERT_TRUE(staged) << staged.error().detail;
    replica_->commit(*staged);
    EXPECT_EQ(replica_->version(), 5);
    expect_holds(base_);
}

TEST_P(ReplicaTest, RefusesADeltaFromAnotherVersion) {
    load_base();
    Record record = delta_record();
    record.base_version = 3;
    EXPECT_EQ(replica_->stage_delta(record, changes()).error().fault, Fault::wrong_base);
}

TEST_P(ReplicaTest, RefusesVersionsOfOtherArrays) {
    load_base();
    Record record = delta_record();
    record.layout_hash = std::string(64, '0');
    EXPECT_EQ(replica_->stage_delta(record, changes()).error().fault, Fault::wrong_base);
    record = record_of(RecordKind::anchor, 4, base_);
    record.layout_hash = std::string(64, '0');
    EXPECT_EQ(replica_->stage_anchor(record, base_).error().fault, Fault::wrong_base);
}

TEST_P(ReplicaTest, RefusesADeltaWhoseCountIsNotTheRecords) {
    load_base();
    Record record = delta_record();
    ++record.changed_words;
    EXPECT_EQ(replica_->stage_delta(record, changes()).error().fault, Fault::corrupt);
}

TEST_P(ReplicaTest, RefusesADeltaThatListsAnUnchangedWord) {
    load_base();
    next_ = base_;
    Record record = delta_record();
    record.changed_words = 1;
    Changes idle;
    idle[2] = {.positions = {7}, .before = {}, .after = {read_word(base_, table_.tile(2), 7)}};
    EXPECT_EQ(replica_->stage_delta(record, idle).error().fault, Fault::corrupt);
}

TEST_P(ReplicaTest, RefusesAWrongNewWord) {
    load_base();
    Changes wrong = changes();
    wrong.begin()->second.after[0] ^= 1;
    EXPECT_EQ(replica_->stage_delta(delta_record(), wrong).error().fault, Fault::wrong_base);
}

TEST_P(ReplicaTest, ADamagedWordUnderAChangeIsFoundBeforeAnyWrite) {
    load_base();
    const Changes delta = changes();
    damage(delta.begin()->first, delta.begin()->second.positions[0]);
    const Bytes before = live_;
    EXPECT_EQ(replica_->stage_delta(delta_record(), delta).error().fault, Fault::wrong_base);
    EXPECT_EQ(live_, before);
    EXPECT_EQ(replica_->version(), 4);
}

TEST_P(ReplicaTest, AWordThatAlreadyIsTheNewOneIsFoundToo) {
    load_base();
    const Changes delta = changes();
    const auto& [tile, first] = *delta.begin();
    write_word(live_, table_.tile(tile), first.positions[0], first.after[0]);
    EXPECT_EQ(replica_->stage_delta(delta_record(), delta).error().fault, Fault::wrong_base);
}

TEST_P(ReplicaTest, ARescanNamesArrayAndWordsOfDamageNoDeltaTouches) {
    load_base();
    damage(2, 4'463);  // the last word of embed.weight
    const auto scanned = replica_->rescan(0, table_.tiles());
    ASSERT_FALSE(scanned);
    EXPECT_EQ(scanned.error().fault, Fault::corrupt);
    EXPECT_NE(scanned.error().detail.find("embed.weight"), std::string::npos);
    EXPECT_NE(scanned.error().detail.find("65536 to 69999"), std::string::npos)
        << scanned.error().detail;
}

TEST_P(ReplicaTest, ARollingRescanSeesDamageWhenItsTurnComes) {
    load_base();
    damage(1, 0);
    EXPECT_TRUE(replica_->rescan(2, 3));
    EXPECT_FALSE(replica_->rescan(4, 3));  // tiles 4, 0, 1
    EXPECT_TRUE(replica_->rescan(table_.tiles() + 2, 1));
}

TEST_P(ReplicaTest, SeveralThreadsNameTheFirstDamagedTileOfTheScan) {
    const ArrayTable many = table_of_many_tiles(GetParam());
    Random random(43);
    Bytes words = random_words(many, random);
    const Replica replica(many, words, {}, {.staging = 4, .pause = 1});
    for (std::size_t tile = 57; tile < many.tiles(); tile += 3) {
        write_word(words, many.tile(tile), 1, ~read_word(words, many.tile(tile), 1));
    }
    const auto expect_named = [&](std::size_t first_tile, std::size_t damaged) {
        const auto scanned = replica.rescan(first_tile, many.tiles());
        ASSERT_FALSE(scanned);
        const std::string& name = many.layout().specs()[many.tile(damaged).array].name;
        EXPECT_NE(scanned.error().detail.find("array " + name + ","), std::string::npos)
            << scanned.error().detail;
    };
    for (int repetition = 0; repetition < 20; ++repetition) {
        expect_named(0, 57);
        expect_named(100, 102);
        expect_named(199, 57);  // 199, and from 0 on
        EXPECT_TRUE(replica.rescan(199, 58));
    }
}

TEST_P(ReplicaTest, AnAnchorRepairsWhateverTheLiveWordsHold) {
    load_base();
    damage(0, 3);
    damage(4, 65'535);
    load_base();
    expect_holds(base_);
}

TEST_P(ReplicaTest, RefusesAnAnchorWithAnotherDigest) {
    Bytes wrong = base_;
    write_word(wrong, table_.tile(3), 9, ~read_word(wrong, table_.tile(3), 9));
    const auto staged = replica_->stage_anchor(record_of(RecordKind::anchor, 4, base_), wrong);
    ASSERT_FALSE(staged);
    EXPECT_EQ(staged.error().fault, Fault::corrupt);
}

}  // namespace
}  // namespace dws
