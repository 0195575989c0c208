#include "sync/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/require.h"
#include "sync/base64.h"
#include "sync/bucket.h"

namespace dws {

namespace {

using Json = nlohmann::ordered_json;  // keeps the order in which fields were added

constexpr std::string_view kPayloadType = "application/vnd.dws.log+json";
constexpr std::string_view kFormat = "dws-log";
constexpr std::int64_t kFormatVersion = 1;
constexpr int kMaxDepth = 5;              // record, games, one worker, skipped, a number
constexpr std::size_t kMaxFields = 64;    // in one object; a record has 19
constexpr std::size_t kNonceDigits = 32;  // 16 random bytes
constexpr std::size_t kSha256Digits = 64;
constexpr std::int64_t kMaxCreatedMs = 1ll << 52;  // exact as a double; the year 144,000

// Thrown and caught inside this file alone: the first field that is not as it must be.
struct FormFault {
    std::string detail;
};

[[noreturn]] void refuse(std::string_view field, std::string_view why) {
    throw FormFault{fmt::format("field \"{}\" {}", field, why)};
}

// Reads the fields of one JSON object; each exactly once, none besides.
class FieldReader {
public:
    FieldReader(const Json& object, std::string_view what) : object_(object), what_(what) {
        if (!object.is_object()) throw FormFault{fmt::format("{} is not a JSON object", what)};
    }

    const Json& field(std::string_view name) {
        const auto found = object_.find(std::string(name));
        if (found == object_.end()) refuse(name, fmt::format("is missing from {}", what_));
        ++fields_read_;
        return *found;
    }

    const Json& array(std::string_view name) {
        const Json& value = field(name);
        if (!value.is_array()) refuse(name, "is not an array");
        return value;
    }

    std::string text(std::string_view name) {
        const Json& value = field(name);
        if (!value.is_string()) refuse(name, "is not a string");
        return value.get<std::string>();
    }

    std::string key(std::string_view name) {
        std::string value = text(name);
        if (!is_valid_key(value)) refuse(name, "is not a valid bucket key");
        return value;
    }

    // A key of one part: something that becomes one folder or stands in a message.
    std::string name(std::string_view field_name) {
        std::string value = key(field_name);
        if (value.find('/') != std::string::npos) refuse(field_name, "has more than one part");
        return value;
    }

    std::string hex(std::string_view name, std::size_t digits) {
        std::string value = text(name);
        const bool is_hex = value.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (value.size() != digits || !is_hex) {
            refuse(name, fmt::format("is not {} lower-case hex digits", digits));
        }
        return value;
    }

    // may_be_empty: where there is nothing to name yet.
    std::string sha256(std::string_view name, bool may_be_empty = false) {
        const auto found = object_.find(std::string(name));
        if (may_be_empty && found != object_.end() && *found == "") return text(name);
        return hex(name, kSha256Digits);
    }

    std::uint64_t natural(std::string_view name, std::uint64_t most) {
        const Json& value = field(name);
        if (!value.is_number_unsigned()) refuse(name, "is not a whole number from 0");
        if (value.get<std::uint64_t>() > most) refuse(name, fmt::format("is above {}", most));
        return value.get<std::uint64_t>();
    }

    std::int64_t integer(std::string_view name, std::int64_t least) {
        return integer_of(field(name), name, least);
    }

    static std::int64_t integer_of(const Json& value, std::string_view name, std::int64_t least) {
        if (!value.is_number_integer()) refuse(name, "is not a whole number");
        const bool is_too_large =
            value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX;
        if (is_too_large || value.get<std::int64_t>() < least) {
            refuse(name, fmt::format("is not between {} and 2^63-1", least));
        }
        return value.get<std::int64_t>();
    }

    void expect_no_more() const {
        if (fields_read_ != object_.size())
            throw FormFault{fmt::format("{} has fields beyond those of the format", what_)};
    }

private:
    const Json& object_;
    const std::string_view what_;
    std::size_t fields_read_ = 0;
};

// Up to the first error of syntax, where the parser stops too, this follows strings as JSON does.
// The parser's callback takes a time quadratic in the objects, keeping order one in the fields.
void expect_small_objects(std::string_view text) {
    int depth = 0;
    std::array<std::size_t, kMaxDepth + 1> fields{};  // of the object open at each depth
    bool is_in_string = false;
    for (std::size_t index = 0; index < text.size(); ++index) {
        const char letter = text[index];
        if (is_in_string && letter == '\\') ++index;
        if (letter == '"') is_in_string = !is_in_string;
        if (is_in_string) continue;
        const bool is_opening = letter == '{' || letter == '[';
        depth += is_opening ? 1 : letter == '}' || letter == ']' ? -1 : 0;
        if (depth > kMaxDepth) throw FormFault{"JSON is nested deeper than a record"};
        if (depth < 0) return;
        std::size_t& count = fields[static_cast<std::size_t>(depth)];
        if (is_opening) count = 0;
        if (letter == ':' && ++count > kMaxFields) throw FormFault{"an object has too many fields"};
    }
}

// Throws nlohmann's parse errors and FormFault.
Json parse_bounded(std::string_view text) {
    expect_small_objects(text);
    return Json::parse(text);
}

RecordKind kind_named(const std::string& name) {
    for (const RecordKind kind :
         {RecordKind::epoch, RecordKind::anchor, RecordKind::delta, RecordKind::end}) {
        if (name == name_of(kind)) return kind;
    }
    refuse("kind", "is none of epoch, anchor, delta, end");
}

Json json_of(const ObjectRef& object) {
    return Json{{"key", object.key}, {"size_bytes", object.size_bytes}, {"sha256", object.sha256}};
}

ObjectRef object_of(const Json& json) {
    FieldReader reader(json, "an object");
    ObjectRef object{.key = reader.key("key"),
                     .size_bytes = reader.natural("size_bytes", kMaxObjectBytes),
                     .sha256 = reader.sha256("sha256")};
    reader.expect_no_more();
    return object;
}

Json json_of(const GamesConsumed& games) {
    return Json{{"worker", games.worker},   {"first", games.first}, {"next", games.next},
                {"skipped", games.skipped}, {"stale", games.stale}, {"refused", games.refused}};
}

std::vector<std::int64_t> numbers_of(FieldReader& reader, std::string_view name) {
    std::vector<std::int64_t> numbers;
    for (const Json& number : reader.array(name)) {
        numbers.push_back(FieldReader::integer_of(number, name, 0));
    }
    return numbers;
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

GamesConsumed games_of(const Json& json) {
    FieldReader reader(json, "an entry of games");
    GamesConsumed games;
    games.worker = reader.name("worker");
    games.first = reader.integer("first", 0);
    games.next = reader.integer("next", games.first);
    games.skipped = numbers_of(reader, "skipped");
    games.stale = numbers_of(reader, "stale");
    games.refused = numbers_of(reader, "refused");
    reader.expect_no_more();
    check_numbers(games);
    return games;
}

template <class Item>
Json json_of(const std::vector<Item>& items) {
    Json list = Json::array();
    for (const Item& item : items) list.push_back(json_of(item));
    return list;
}

std::string payload_of(const Record& record) {
    const Json json{{"format", kFormat},
                    {"format_version", kFormatVersion},
                    {"run", record.run},
                    {"sequence", record.sequence},
                    {"epoch", record.epoch},
                    {"writer", record.writer},
                    {"nonce", record.nonce},
                    {"kind", name_of(record.kind)},
                    {"version", record.version},
                    {"base_version", record.base_version},
                    {"objects", json_of(record.objects)},
                    {"changed_words", record.changed_words},
                    {"total_words", record.total_words},
                    {"layout_hash", record.layout_hash},
                    {"digest", record.digest.hex()},
                    {"trainer_step", record.trainer_step},
                    {"games", json_of(record.games)},
                    {"previous_sha256", record.previous_sha256},
                    {"created_unix_ms", std::llround(1e3 * record.created_unix_s)}};
    // replace: text that is not UTF-8 becomes a record that decode_record() refuses.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<ObjectRef> objects_of(const Json& list) {
    if (list.size() > kMaxObjectsPerRecord) {
        refuse("objects", fmt::format("has more than {} entries", kMaxObjectsPerRecord));
    }
    std::vector<ObjectRef> objects;
    for (const Json& object : list) objects.push_back(object_of(object));
    return objects;
}

Record record_of(std::string_view payload) {
    const Json json = parse_bounded(payload);
    FieldReader reader(json, "the record");
    if (reader.text("format") != kFormat) refuse("format", "is not dws-log");
    if (reader.integer("format_version", 0) != kFormatVersion) refuse("format_version", "is not 1");
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
    record.objects = objects_of(reader.array("objects"));
    record.changed_words = reader.natural("changed_words", INT64_MAX);
    record.total_words = reader.natural("total_words", INT64_MAX);
    if (record.changed_words > record.total_words) {
        refuse("changed_words", "is above total_words");
    }
    record.layout_hash = reader.sha256("layout_hash", !has_version);
    record.digest = *Digest::from_hex(reader.hex("digest", 32));
    record.trainer_step = reader.integer("trainer_step", 0);
    for (const Json& games : reader.array("games")) record.games.push_back(games_of(games));
    record.previous_sha256 = reader.sha256("previous_sha256", record.sequence == 0);
    record.created_unix_s =
        1e-3 * static_cast<double>(reader.natural("created_unix_ms", std::uint64_t{kMaxCreatedMs}));
    reader.expect_no_more();
    return record;
}

std::string payload_in(std::span<const std::byte> stored) {
    const Json envelope = parse_bounded(text_of(stored));
    FieldReader reader(envelope, "the envelope");
    if (reader.text("payloadType") != kPayloadType) refuse("payloadType", "is not a log record's");
    std::optional<std::string> payload = decode_base64(reader.text("payload"));
    if (!payload) refuse("payload", "is not base64");
    // A signature nobody here can check is refused rather than passed over.
    if (!reader.array("signatures").empty()) refuse("signatures", "is not empty");
    reader.expect_no_more();
    return *std::move(payload);
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
    const Json envelope{{"payloadType", kPayloadType},
                        {"payload", encode_base64(payload_of(record))},
                        {"signatures", Json::array()}};
    const std::string text = envelope.dump();
    const std::span<const std::byte> bytes = bytes_of(text);
    return Bytes(bytes.begin(), bytes.end());
}

Result<Record> decode_record(std::span<const std::byte> stored) {
    if (stored.size() > kMaxRecordBytes) {
        return Error{Fault::corrupt, fmt::format("a record has at most {} bytes, this one {}",
                                                 kMaxRecordBytes, stored.size())};
    }
    try {
        Record record = record_of(payload_in(stored));
        // One record, one text: repeated fields, other spacing or order have no second meaning.
        if (!std::ranges::equal(encode_record(record), stored)) {
            return Error{Fault::corrupt, "record is not in its one form (order, spacing, repeats)"};
        }
        return record;
    } catch (const FormFault& fault) {
        return Error{Fault::corrupt, "record: " + fault.detail};
    } catch (const nlohmann::json::exception& fault) {
        return Error{Fault::corrupt, fmt::format("record is not JSON: {}", fault.what())};
    }
}

std::string log_key(const std::string& run, std::uint64_t sequence) {
    return fmt::format("{}/log/{:020}.json", run, sequence);
}

}  // namespace dws
