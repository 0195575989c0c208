#include "sync/record.h"

#include <fmt/format.h>

#include <set>

#include "base/require.h"
#include "sync/envelope.h"

namespace dws {

namespace {

constexpr EnvelopeKind kLog{.payload_type = "application/vnd.dws.log+json",
                            .format = "dws-log",
                            .format_version = 2,
                            .name = "record"};
constexpr std::size_t kNonceDigits = 32;  // 16 random bytes

RecordKind kind_named(const std::string& name) {
    for (const RecordKind kind :
         {RecordKind::epoch, RecordKind::anchor, RecordKind::delta, RecordKind::end}) {
        if (name == name_of(kind)) return kind;
    }
    refuse("kind", "is none of epoch, anchor, delta, end");
}

std::string json_of(const GamesConsumed& games) {
    return ObjectWriter()
        .text("worker", games.worker)
        .integer("first", games.first)
        .integer("next", games.next)
        .numbers("skipped", games.skipped)
        .numbers("stale", games.stale)
        .numbers("refused", games.refused)
        .str();
}

// A group is decided once: no number in two lists, none outside first..next-1.
void check_numbers(const GamesConsumed& games) {
    std::set<std::int64_t> seen;
    for (const auto* list : {&games.skipped, &games.stale, &games.refused}) {
        for (const std::int64_t number : *list) {
            if (number < games.first || number >= games.next) {
                refuse("games", "lists a group outside first..next-1");
            }
            if (!seen.insert(number).second) refuse("games", "lists a group twice");
        }
    }
}

GamesConsumed games_of(const JsonValue& json) {
    FieldReader reader(json, "an entry of games");
    GamesConsumed games;
    games.worker = reader.name("worker");
    games.first = reader.integer("first", 0);
    games.next = reader.integer("next", games.first);
    games.skipped = reader.naturals("skipped");
    games.stale = reader.naturals("stale");
    games.refused = reader.naturals("refused");
    reader.expect_no_more();
    check_numbers(games);
    return games;
}

std::string json_of(const TrainedStep& step) {
    std::string text = "[";
    for (const TrainedRun& run : step) {
        if (text.size() > 1) text += ',';
        text += fmt::format("[{},{},{}]", run.worker, run.first, run.count);
    }
    return text + ']';
}

TrainedRun run_of(const JsonValue& json) {
    const JsonValue::List& numbers = list_of(json, "steps");
    if (numbers.size() != 3) refuse("steps", "has a run that is not worker, first, count");
    return {.worker = static_cast<std::uint64_t>(integer_of(numbers[0], "steps", 0)),
            .first = integer_of(numbers[1], "steps", 0),
            .count = integer_of(numbers[2], "steps", 1)};
}

void read_steps(FieldReader& reader, Record& record) {
    for (const JsonValue& json : reader.list("steps")) {
        TrainedStep& step = record.steps.emplace_back();
        for (const JsonValue& run : list_of(json, "steps")) step.push_back(run_of(run));
    }
    if (record.steps.empty()) return;
    if (record.kind != RecordKind::delta) refuse("steps", "is a delta's alone");
    const std::string why = steps_fault(record.steps, record.games);
    if (!why.empty()) refuse("steps", why);
}

void read_rollback(FieldReader& reader, Record& record) {
    record.is_rollback = reader.flag("is_rollback");
    if (!record.is_rollback) return;
    if (record.kind != RecordKind::delta) refuse("is_rollback", "is a delta's alone");
    if (!record.steps.empty()) refuse("is_rollback", "stands beside steps");
}

std::string read_next_key(FieldReader& reader, RecordKind kind) {
    const std::string& text = reader.text("next_key");
    if (!text.empty() && kind != RecordKind::epoch)
        refuse("next_key", "is an epoch record's alone");
    if (text.size() > kMaxKeyText) refuse("next_key", "is too long");
    return text;
}

Record read_record(FieldReader& reader) {
    Record record;
    record.run = reader.key("run");
    record.sequence = reader.natural("sequence", INT64_MAX);
    record.epoch = reader.natural("epoch", INT64_MAX);
    record.writer = reader.name("writer");
    record.nonce = reader.hex("nonce", kNonceDigits);
    record.kind = kind_named(reader.text("kind"));
    const bool has_version = record.kind == RecordKind::anchor || record.kind == RecordKind::delta;
    record.version = reader.integer("version", has_version ? 0 : -1);
    record.base_version = reader.integer("base_version", -1);
    if ((record.kind == RecordKind::delta) != (record.base_version >= 0))
        refuse("base_version", "is a delta's alone");
    record.objects = read_objects(reader);
    record.changed_words = reader.natural("changed_words", INT64_MAX);
    record.total_words = reader.natural("total_words", INT64_MAX);
    if (record.changed_words > record.total_words) {
        refuse("changed_words", "is above total_words");
    }
    record.layout_hash = reader.sha256("layout_hash", !has_version);
    record.digest = read_digest(reader);
    record.trainer_step = reader.integer("trainer_step", 0);
    record.next_key = read_next_key(reader, record.kind);
    for (const JsonValue& games : reader.list("games")) record.games.push_back(games_of(games));
    read_steps(reader, record);
    read_rollback(reader, record);
    record.previous_sha256 = reader.sha256("previous_sha256", record.sequence == 0);
    record.created_unix_s = read_created(reader);
    return record;
}

}  // namespace

const char* name_of(RecordKind kind) {
    switch (kind) {
        case RecordKind::epoch:
            return "epoch";
        case RecordKind::anchor:
            return "anchor";
        case RecordKind::delta:
            return "delta";
        case RecordKind::end:
            return "end";
    }
    require(false, "every kind of record has a name");
    return "";
}

Bytes encode_record(const Record& record) {
    ObjectWriter payload = begin_payload(kLog);
    payload.text("run", record.run)
        .natural("sequence", record.sequence)
        .natural("epoch", record.epoch)
        .text("writer", record.writer)
        .text("nonce", record.nonce)
        .text("kind", name_of(record.kind))
        .integer("version", record.version)
        .integer("base_version", record.base_version);
    write_objects(payload, record.objects);
    std::vector<std::string> games;
    for (const GamesConsumed& of_worker : record.games) games.push_back(json_of(of_worker));
    std::vector<std::string> steps;
    for (const TrainedStep& step : record.steps) steps.push_back(json_of(step));
    payload.natural("changed_words", record.changed_words)
        .natural("total_words", record.total_words)
        .text("layout_hash", record.layout_hash)
        .text("digest", record.digest.hex())
        .integer("trainer_step", record.trainer_step)
        .text("next_key", record.next_key)
        .objects("games", games)
        .objects("steps", steps)
        .flag("is_rollback", record.is_rollback)
        .text("previous_sha256", record.previous_sha256);
    write_created(payload, record.created_unix_s);
    return close_envelope(kLog, payload);
}

Result<Record> decode_record(std::span<const std::byte> stored) {
    return open_envelope<Record>(kLog, stored, read_record, encode_record);
}

std::string log_key(const std::string& run, std::uint64_t sequence) {
    return fmt::format("{}/log/{:020}.json", run, sequence);
}

}  // namespace dws
