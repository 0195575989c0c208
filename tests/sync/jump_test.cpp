#include "sync/jump.h"

#include <gtest/gtest.h>

#include <string>

#include "sync/base64.h"
#include "tests/support/jumps.h"

namespace dws {
namespace {

std::string payload_text(const Jump& jump) {
    const Bytes stored = encode_jump(jump);
    const std::string text(text_of(stored));
    const std::string_view before = R"("payload":")";
    const std::size_t begin = text.find(before) + before.size();
    return *decode_base64(text.substr(begin, text.find('"', begin) - begin));
}

std::string envelope_of(const std::string& payload, const std::string& what = "jump") {
    return R"({"payloadType":"application/vnd.dws.)" + what + R"(+json","payload":")" +
           encode_base64(payload) + R"(","signatures":[]})";
}

// The payload of full_jump() with one text in place of another.
std::string bent(const std::string& from, const std::string& to) {
    std::string payload = payload_text(full_jump());
    const std::size_t at = payload.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return envelope_of(payload.replace(at, from.size(), to));
}

void expect_corrupt(const std::string& stored, const std::string& part_of_detail) {
    const Result<Jump> jump = decode_jump(bytes_of(stored));
    ASSERT_FALSE(jump) << part_of_detail;
    EXPECT_EQ(jump.error().fault, Fault::corrupt);
    EXPECT_NE(jump.error().detail.find(part_of_detail), std::string::npos) << jump.error().detail;
}

TEST(Jump, EveryFieldComesBack) {
    const Jump sent = full_jump();
    const Result<Jump> jump = decode_jump(encode_jump(sent));
    ASSERT_TRUE(jump) << jump.error().detail;
    EXPECT_EQ(jump->run, sent.run);
    EXPECT_EQ(jump->writer, sent.writer);
    EXPECT_EQ(jump->kind, sent.kind);
    EXPECT_EQ(jump->version, sent.version);
    EXPECT_EQ(jump->base_version, sent.base_version);
    EXPECT_EQ(jump->sequence, sent.sequence);
    EXPECT_EQ(jump->record_sha256, sent.record_sha256);
    EXPECT_EQ(jump->objects, sent.objects);
    EXPECT_EQ(jump->changed_words, sent.changed_words);
    EXPECT_EQ(jump->total_words, sent.total_words);
    EXPECT_EQ(jump->layout_hash, sent.layout_hash);
    EXPECT_EQ(jump->digest, sent.digest);
    EXPECT_EQ(jump->trainer_step, sent.trainer_step);
    EXPECT_DOUBLE_EQ(jump->created_unix_s, sent.created_unix_s);
    EXPECT_EQ(encode_jump(*jump), encode_jump(sent));
}

TEST(Jump, AnAnchorComesBack) {
    Jump sent = full_jump();
    sent.kind = RecordKind::anchor;
    sent.base_version = -1;
    const Result<Jump> jump = decode_jump(encode_jump(sent));
    ASSERT_TRUE(jump) << jump.error().detail;
    EXPECT_EQ(jump->kind, RecordKind::anchor);
    EXPECT_EQ(jump->base_version, -1);
}

TEST(Jump, IsTheRecordALogWouldHoldInItsPlace) {
    const Jump jump = full_jump();
    const Record record = jump.as_record();
    EXPECT_EQ(record.run, jump.run);
    EXPECT_EQ(record.kind, RecordKind::delta);
    EXPECT_EQ(record.version, 42);
    EXPECT_EQ(record.base_version, 32);
    EXPECT_EQ(record.sequence, jump.sequence);
    EXPECT_EQ(record.objects, jump.objects);
    EXPECT_EQ(record.changed_words, jump.changed_words);
    EXPECT_EQ(record.total_words, jump.total_words);
    EXPECT_EQ(record.layout_hash, jump.layout_hash);
    EXPECT_EQ(record.digest, jump.digest);
    EXPECT_EQ(record.trainer_step, jump.trainer_step);
    EXPECT_EQ(record.created_unix_s, jump.created_unix_s);
}

TEST(Jump, EveryFlippedBitEndsInCorruptOrAnotherJump) {
    const Bytes stored = encode_jump(full_jump());
    for (std::size_t bit = 0; bit < 8 * stored.size(); ++bit) {
        Bytes flipped = stored;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        const Result<Jump> jump = decode_jump(flipped);
        if (jump)
            EXPECT_EQ(encode_jump(*jump), flipped) << bit;
        else
            EXPECT_EQ(jump.error().fault, Fault::corrupt) << bit;
    }
}

TEST(Jump, EveryTruncationEndsInCorrupt) {
    const Bytes stored = encode_jump(full_jump());
    for (std::size_t length = 0; length < stored.size(); ++length) {
        const Result<Jump> jump = decode_jump(std::span(stored).first(length));
        ASSERT_FALSE(jump) << length;
        EXPECT_EQ(jump.error().fault, Fault::corrupt);
    }
}

TEST(Jump, RefusesAndNamesTheFieldThatIsWrong) {
    expect_corrupt(bent(R"("format":"dws-jump")", R"("format":"dws-log")"), "format");
    expect_corrupt(bent(R"("format_version":1)", R"("format_version":2)"), "format_version");
    expect_corrupt(bent(R"("run":"wordle/tiny-1")", R"("run":"../etc")"), "\"run\"");
    expect_corrupt(bent(R"("writer":"host-)", R"("writer":"a/host-)"), "writer");
    expect_corrupt(bent(R"("kind":"delta")", R"("kind":"epoch")"), "kind");
    expect_corrupt(bent(R"("kind":"delta")", R"("kind":"anchor")"), "base_version");
    expect_corrupt(bent(R"("version":42)", R"("version":-1)"), "version");
    expect_corrupt(bent(R"("base_version":32)", R"("base_version":42)"), "base_version");
    expect_corrupt(bent(R"("base_version":32)", R"("base_version":-1)"), "base_version");
    expect_corrupt(bent(R"("sequence":43)", R"("sequence":-1)"), "sequence");
    expect_corrupt(bent(R"("record_sha256":"5)", R"("record_sha256":")"), "record_sha256");
    expect_corrupt(bent("objects/delta-000042-0011", "objects/../0011"), "\"key\"");
    expect_corrupt(bent(R"("size_bytes":942)", R"("size_bytes":1099511627777)"), "size_bytes");
    expect_corrupt(bent(R"("changed_words":72)", R"("changed_words":67073)"), "changed_words");
    expect_corrupt(bent(R"("layout_hash":"3)", R"("layout_hash":"x)"), "layout_hash");
    expect_corrupt(bent(R"("digest":"0)", R"("digest":"00)"), "digest");
    expect_corrupt(bent(R"("trainer_step":45)", R"("trainer_step":-1)"), "trainer_step");
    expect_corrupt(bent(R"("created_unix_ms":1)", R"("created_unix_ms":-1)"), "created_unix_ms");
    expect_corrupt(bent(R"("sequence":43,)", ""), "sequence");
    expect_corrupt(bent(R"("sequence":43,)", R"("sequence":43,"comment":"",)"), "beyond");
    expect_corrupt(bent(R"("sequence":43)", R"("sequence": 43)"), "one form");
}

TEST(Jump, IsNoLogRecordAndNoLogRecordIsAJump) {
    const std::string payload = payload_text(full_jump());
    expect_corrupt(envelope_of(payload, "log"), "payloadType");
    expect_corrupt(std::string(text_of(encode_record(full_record()))), "payloadType");
    EXPECT_FALSE(decode_record(encode_jump(full_jump())));
    expect_corrupt(std::string(kMaxRecordBytes + 1, ' '), "at most");
}

TEST(Jump, TheKeyTellsTheEnds) {
    EXPECT_EQ(jump_key("run", -1, 40), "run/jumps/none-000000000040.json");
    EXPECT_EQ(jump_key("a/b", 32, 40), "a/b/jumps/000000000032-000000000040.json");
    for (const JumpEnds sent : {JumpEnds{-1, 0}, {-1, 40}, {0, 1}, {32, 40}, {7, INT64_MAX}}) {
        const auto ends = jump_ends(jump_key("jumps/run", sent.base_version, sent.version));
        ASSERT_TRUE(ends) << sent.version;
        EXPECT_EQ(ends->base_version, sent.base_version);
        EXPECT_EQ(ends->version, sent.version);
    }
}

TEST(Jump, AKeyOfAnotherFormHasNoEnds) {
    for (const char* key :
         {"", "run/jumps/", "run/jumps/none-40.json", "run/jumps/none-000000000040",
          "run/log/none-000000000040.json", "run/jumps/000000000040-000000000040.json",
          "run/jumps/000000000041-000000000040.json", "run/jumps/-00000000001-000000000040.json",
          "run/jumps/none-none.json", "run/jumps/none-0000000000x0.json",
          "run/jumps/none-0000000000040.json", "run/jumps/none-99999999999999999999.json",
          "run/jumps/none-000000000040.json.tmp", "run/jumps/old/none-000000000040.json"})
        EXPECT_FALSE(jump_ends(key)) << key;
}

}  // namespace
}  // namespace dws
