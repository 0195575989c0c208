#include "sync/record.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/clock.h"
#include "sync/base64.h"
#include "tests/support/records.h"

namespace dws {
namespace {

std::string payload_text(const Record& record) {
    const Bytes stored = encode_record(record);
    std::string text(text_of(stored));
    const std::string_view before = R"("payload":")";
    const std::size_t begin = text.find(before) + before.size();
    return *decode_base64(text.substr(begin, text.find('"', begin) - begin));
}

std::string envelope_of(const std::string& payload) {
    return R"({"payloadType":"application/vnd.dws.log+json","payload":")" + encode_base64(payload) +
           R"(","signatures":[]})";
}

// The payload of full_record() with one text in place of another.
std::string bent(const std::string& from, const std::string& to) {
    std::string payload = payload_text(full_record());
    const std::size_t at = payload.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return envelope_of(payload.replace(at, from.size(), to));
}

void expect_corrupt(const std::string& stored, const std::string& part_of_detail) {
    const Result<Record> record = decode_record(bytes_of(stored));
    ASSERT_FALSE(record) << part_of_detail;
    EXPECT_EQ(record.error().fault, Fault::corrupt);
    EXPECT_NE(record.error().detail.find(part_of_detail), std::string::npos)
        << record.error().detail;
}

TEST(Record, EveryFieldComesBack) {
    const Record sent = full_record();
    const Result<Record> record = decode_record(encode_record(sent));
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->run, sent.run);
    EXPECT_EQ(record->sequence, sent.sequence);
    EXPECT_EQ(record->epoch, sent.epoch);
    EXPECT_EQ(record->writer, sent.writer);
    EXPECT_EQ(record->nonce, sent.nonce);
    EXPECT_EQ(record->kind, sent.kind);
    EXPECT_EQ(record->version, sent.version);
    EXPECT_EQ(record->base_version, sent.base_version);
    EXPECT_EQ(record->objects, sent.objects);
    EXPECT_EQ(record->changed_words, sent.changed_words);
    EXPECT_EQ(record->total_words, sent.total_words);
    EXPECT_EQ(record->layout_hash, sent.layout_hash);
    EXPECT_EQ(record->digest, sent.digest);
    EXPECT_EQ(record->trainer_step, sent.trainer_step);
    EXPECT_EQ(record->games, sent.games);
    EXPECT_EQ(record->steps, sent.steps);
    EXPECT_FALSE(record->is_rollback);
    EXPECT_EQ(record->previous_sha256, sent.previous_sha256);
    EXPECT_DOUBLE_EQ(record->created_unix_s, sent.created_unix_s);
    EXPECT_EQ(encode_record(*record), encode_record(sent));
}

TEST(Record, OfEveryKindComesBack) {
    for (const RecordKind kind :
         {RecordKind::epoch, RecordKind::anchor, RecordKind::delta, RecordKind::end}) {
        Record sent = full_record();
        sent.kind = kind;
        if (kind != RecordKind::delta) {
            sent.base_version = -1;
            sent.steps.clear();
        }
        const Result<Record> record = decode_record(encode_record(sent));
        ASSERT_TRUE(record) << record.error().detail;
        EXPECT_EQ(record->kind, kind);
    }
}

TEST(Record, TheFirstEpochRecordNamesNoVersionAndNoPredecessor) {
    Record sent;
    sent.run = "r";
    sent.epoch = 1;
    sent.writer = "w";
    sent.nonce = std::string(32, '0');
    const Result<Record> record = decode_record(encode_record(sent));
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->version, -1);
    EXPECT_EQ(record->previous_sha256, "");
}

TEST(Record, NumbersKeepAllSixtyThreeBits) {
    Record sent = full_record();
    sent.sequence = sent.epoch = sent.total_words = INT64_MAX;
    sent.version = sent.trainer_step = INT64_MAX;
    const Result<Record> record = decode_record(encode_record(sent));
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->sequence, std::uint64_t{INT64_MAX});
    EXPECT_EQ(record->version, INT64_MAX);
}

TEST(Record, EveryFlippedBitEndsInCorruptOrAnotherRecord) {
    const Bytes stored = encode_record(full_record());
    for (std::size_t bit = 0; bit < 8 * stored.size(); ++bit) {
        Bytes flipped = stored;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        const Result<Record> record = decode_record(flipped);
        // A flip inside a digit or letter of the payload is another sound record: the chain's
        // hash of the stored bytes tells, as it does for whoever forged one.
        if (record)
            EXPECT_EQ(encode_record(*record), flipped) << bit;
        else
            EXPECT_EQ(record.error().fault, Fault::corrupt) << bit;
    }
}

TEST(Record, EveryTruncationEndsInCorrupt) {
    const Bytes stored = encode_record(full_record());
    for (std::size_t length = 0; length < stored.size(); ++length) {
        const Result<Record> record = decode_record(std::span(stored).first(length));
        ASSERT_FALSE(record) << length;
        EXPECT_EQ(record.error().fault, Fault::corrupt);
    }
}

TEST(Record, RefusesAndNamesTheFieldThatIsWrong) {
    const std::string sha(64, '1');
    expect_corrupt(bent(R"("format":"dws-log")", R"("format":"other")"), "format");
    expect_corrupt(bent(R"("format_version":2)", R"("format_version":1)"), "format_version");
    expect_corrupt(bent(R"("run":"wordle/tiny-1")", R"("run":"../etc")"), "\"run\"");
    expect_corrupt(bent(R"("run":"wordle/tiny-1")", R"("run":7)"), "\"run\"");
    expect_corrupt(bent(R"("sequence":43)", R"("sequence":-1)"), "sequence");
    expect_corrupt(bent(R"("sequence":43)", R"("sequence":43.0)"), "sequence");
    expect_corrupt(bent(R"("sequence":43)", R"("sequence":9223372036854775808)"), "sequence");
    expect_corrupt(bent(R"("epoch":2)", R"("epoch":"2")"), "epoch");
    expect_corrupt(bent(R"("writer":"host-)", R"("writer":"a/host-)"), "writer");
    expect_corrupt(bent(R"("nonce":"a)", R"("nonce":")"), "nonce");
    expect_corrupt(bent(R"("nonce":"a)", R"("nonce":"A)"), "nonce");
    expect_corrupt(bent(R"("kind":"delta")", R"("kind":"fold")"), "kind");
    expect_corrupt(bent(R"("version":42)", R"("version":-1)"), "version");
    expect_corrupt(bent(R"("base_version":41)", R"("base_version":-2)"), "base_version");
    expect_corrupt(bent(R"("base_version":41)", R"("base_version":18446744073709551615)"),
                   "base_version");
    expect_corrupt(bent("objects/delta-000042-0011", "objects/../0011"), "\"key\"");
    expect_corrupt(bent(R"("size_bytes":942)", R"("size_bytes":1099511627777)"), "size_bytes");
    expect_corrupt(bent(sha, sha.substr(1)), "sha256");
    expect_corrupt(bent(R"("changed_words":72)", R"("changed_words":67073)"), "changed_words");
    expect_corrupt(bent(R"("layout_hash":"3)", R"("layout_hash":"x)"), "layout_hash");
    expect_corrupt(bent(R"("digest":"0)", R"("digest":"00)"), "digest");
    expect_corrupt(bent(R"("trainer_step":45)", R"("trainer_step":-1)"), "trainer_step");
    expect_corrupt(bent(R"("previous_sha256":"4)", R"("previous_sha256":")"), "previous_sha256");
    expect_corrupt(bent(R"("created_unix_ms":1)", R"("created_unix_ms":-1)"), "created_unix_ms");
}

TEST(Record, RefusesGamesThatContradictThemselves) {
    expect_corrupt(bent(R"("worker":"worker-1")", R"("worker":"a/b")"), "worker");
    expect_corrupt(bent(R"("first":3,"next":8)", R"("first":3,"next":2)"), "next");
    expect_corrupt(bent(R"("skipped":[4])", R"("skipped":[8])"), "games");
    expect_corrupt(bent(R"("skipped":[4])", R"("skipped":[2])"), "games");
    expect_corrupt(bent(R"("skipped":[4])", R"("skipped":[5])"), "games");
    expect_corrupt(bent(R"("skipped":[4])", R"("skipped":[4,4])"), "games");
    expect_corrupt(bent(R"("skipped":[4])", R"("skipped":["4"])"), "skipped");
}

// Of worker-1 the groups 3 and 7 were trained, of worker-2 none.
TEST(Record, RefusesStepsThatAreNotExactlyTheTrainedGroups) {
    const std::string steps = R"("steps":[[[0,3,1]],[[0,7,1]]])";
    const auto with = [&](const std::string& other) { return bent(steps, R"("steps":)" + other); };
    expect_corrupt(with("[[[0,3,1]]]"), "leaves out");
    expect_corrupt(with("[[[0,3,1]],[[0,7,1]],[[0,3,1]]]"), "twice");
    expect_corrupt(with("[[[0,3,2]],[[0,7,1]]]"), "not trained");
    expect_corrupt(with("[[[0,3,1]],[[0,7,2]]]"), "outside");
    expect_corrupt(with("[[[0,2,1]],[[0,7,1]]]"), "outside");
    expect_corrupt(with("[[[0,3,1]],[[0,7,1],[1,0,1]]]"), "not trained");
    expect_corrupt(with("[[[0,3,1]],[[2,7,1]]]"), "worker");
    expect_corrupt(with("[[[0,3,1]],[],[[0,7,1]]]"), "without groups");
    expect_corrupt(with("[[[0,3,9223372036854775807]],[[0,7,1]]]"), "outside");
    expect_corrupt(with("[[[0,3,0]],[[0,7,1]]]"), "steps");
    expect_corrupt(with("[[[0,3]],[[0,7,1]]]"), "steps");
    expect_corrupt(with("[[0,3,1],[0,7,1]]"), "steps");
    expect_corrupt(with("[[[0,-3,1]],[[0,7,1]]]"), "steps");
    expect_corrupt(with("{}"), "steps");
}

TEST(Record, StepsKeepTheOrderTheyWereTrainedIn) {
    Record sent = full_record();
    sent.games = {{"a", 0, 3, {}, {}, {}}, {"b", 5, 7, {}, {}, {}}};
    sent.steps = {{{1, 5, 1}, {0, 0, 2}}, {{0, 2, 1}, {1, 6, 1}}};
    const Result<Record> record = decode_record(encode_record(sent));
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->steps, sent.steps);
    sent.steps = {{{1, 5, 1}, {0, 0, 1}, {0, 1, 1}}, {{0, 2, 1}, {1, 6, 1}}};
    expect_corrupt(std::string(text_of(encode_record(sent))), "one form");
}

TEST(Record, OnlyADeltaHasStepsOrIsARollback) {
    Record sent = full_record();
    sent.kind = RecordKind::anchor;
    sent.base_version = -1;
    expect_corrupt(std::string(text_of(encode_record(sent))), "steps");
    sent.steps.clear();
    sent.is_rollback = true;
    expect_corrupt(std::string(text_of(encode_record(sent))), "is_rollback");
    sent = full_record();
    sent.is_rollback = true;
    expect_corrupt(std::string(text_of(encode_record(sent))), "is_rollback");
    sent.steps.clear();
    const Result<Record> record = decode_record(encode_record(sent));
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_TRUE(record->is_rollback);
    expect_corrupt(bent(R"("is_rollback":false)", R"("is_rollback":0)"), "is_rollback");
}

TEST(Record, OnlyAnEpochRecordNamesTheNextKey) {
    Record sent;
    sent.run = "r";
    sent.epoch = 1;
    sent.writer = "w";
    sent.nonce = std::string(32, '0');
    sent.next_key = "dws-key-next";
    const Result<Record> record = decode_record(encode_record(sent));
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(record->next_key, "dws-key-next");
    sent.next_key = std::string(kMaxKeyText + 1, 'k');
    expect_corrupt(std::string(text_of(encode_record(sent))), "next_key");
    expect_corrupt(bent(R"("next_key":"")", R"("next_key":"k")"), "next_key");
}

TEST(Record, RefusesFieldsThatAreMissingUnknownOrTwice) {
    expect_corrupt(bent(R"("epoch":2,)", ""), "epoch");
    expect_corrupt(bent(R"("epoch":2,)", R"("epoch":2,"comment":"",)"), "beyond");
    expect_corrupt(bent(R"("epoch":2,)", R"("epoch":1,"epoch":2,)"), "one form");
    expect_corrupt(bent(R"("skipped":[4],)", ""), "skipped");
    expect_corrupt(bent(R"("size_bytes":942,)", R"("size_bytes":942,"url":"x",)"), "beyond");
}

TEST(Record, RefusesAnotherSpellingOfTheSameRecord) {
    expect_corrupt(bent(R"("epoch":2)", R"("epoch": 2)"), "one form");
    expect_corrupt(bent(R"("epoch":2,"writer":"host-17-0badcafe")",
                        R"("writer":"host-17-0badcafe","epoch":2)"),
                   "one form");
    const Bytes stored = encode_record(full_record());
    expect_corrupt(std::string(text_of(stored)) + "\n", "one form");
}

TEST(Record, RefusesAnotherEnvelope) {
    const std::string payload = payload_text(full_record());
    const std::string envelope = envelope_of(payload);
    const auto bent_envelope = [&](const std::string& from, const std::string& to) {
        std::string text = envelope;
        return text.replace(text.find(from), from.size(), to);
    };
    expect_corrupt(bent_envelope("dws.log", "dws.lag"), "payloadType");
    expect_corrupt(bent_envelope(R"("signatures":[])", R"("signatures":[1])"), "signatures");
    expect_corrupt(bent_envelope(R"("signatures":[])", R"("signatures":{})"), "signatures");
    expect_corrupt(bent_envelope(R"(,"signatures":[])", ""), "signatures");
    expect_corrupt(bent_envelope(R"("payload":")", R"("payload":"*)"), "payload");
    expect_corrupt(payload, "payloadType");
    expect_corrupt("[]", "envelope");
    expect_corrupt("", "JSON");
    expect_corrupt(envelope_of("null"), "record");
}

TEST(Record, RefusesDepthAndSizeWithoutReadingOn) {
    expect_corrupt(std::string(1'000'000, '['), "nested");
    expect_corrupt(envelope_of(std::string(1'000'000, '[')), "nested");
    expect_corrupt(std::string(kMaxRecordBytes + 1, ' '), "at most");
}

TEST(Record, OnlyADeltaHasABase) {
    Record sent = full_record();
    sent.kind = RecordKind::anchor;
    expect_corrupt(std::string(text_of(encode_record(sent))), "base_version");
    sent = full_record();
    sent.base_version = -1;
    expect_corrupt(std::string(text_of(encode_record(sent))), "base_version");
}

// As many fields as fit: a reader that looks for each among all would take hours.
TEST(Record, RefusesAWideObjectAtOnce) {
    const auto wide = [](std::size_t bytes) {
        std::string text = "{";
        for (int field = 0; text.size() < bytes; ++field)
            text += '"' + std::to_string(field) + "\":0,";
        text.back() = '}';
        return text;
    };
    const Stopwatch watch;
    const std::string object = wide(11u << 20);
    expect_corrupt(object, "too many fields");
    expect_corrupt(envelope_of(object), "too many fields");
    expect_corrupt(envelope_of("[[" + object + "]]"), "too many fields");
    EXPECT_LT(watch.seconds(), 10);
    expect_corrupt(envelope_of(R"({"a:{[":0})"), "format");
}

TEST(Record, RefusesMoreObjectsThanTheLimit) {
    Record sent = full_record();
    sent.objects.assign(kMaxObjectsPerRecord + 1, {"o", 1, std::string(64, '1')});
    expect_corrupt(std::string(text_of(encode_record(sent))), "objects");
    sent.objects.pop_back();
    EXPECT_TRUE(decode_record(encode_record(sent)));
}

TEST(Record, KeysSortInTheOrderOfSequenceNumbers) {
    EXPECT_EQ(log_key("run", 43), "run/log/00000000000000000043.json");
    EXPECT_LT(log_key("run", 9), log_key("run", 10));
    EXPECT_LT(log_key("run", 99), log_key("run", UINT64_MAX));
}

}  // namespace
}  // namespace dws
