#include "sync/jump.h"

#include <fmt/format.h>

#include <charconv>

#include "sync/envelope.h"

namespace dws {
namespace {

constexpr EnvelopeKind kJump{.payload_type = "application/vnd.dws.jump+json",
                             .format = "dws-jump",
                             .format_version = 1,
                             .name = "jump"};
constexpr std::size_t kVersionDigits = 12;  // at least; a version above 10^12-1 has more

RecordKind kind_named(const std::string& name) {
    for (const RecordKind kind : {RecordKind::anchor, RecordKind::delta})
        if (name == name_of(kind)) return kind;
    refuse("kind", "is none of anchor, delta");
}

Jump read_jump(FieldReader& reader) {
    Jump jump;
    jump.run = reader.key("run");
    jump.writer = reader.name("writer");
    jump.kind = kind_named(reader.text("kind"));
    jump.version = reader.integer("version", 0);
    jump.base_version = reader.integer("base_version", -1);
    if ((jump.kind == RecordKind::delta) != (jump.base_version >= 0))
        refuse("base_version", "is a fold's alone");
    if (jump.base_version >= jump.version) refuse("base_version", "is not below version");
    jump.sequence = reader.natural("sequence", INT64_MAX);
    jump.record_sha256 = reader.sha256("record_sha256");
    jump.objects = read_objects(reader);
    jump.changed_words = reader.natural("changed_words", INT64_MAX);
    jump.total_words = reader.natural("total_words", INT64_MAX);
    if (jump.changed_words > jump.total_words) refuse("changed_words", "is above total_words");
    jump.layout_hash = reader.sha256("layout_hash");
    jump.digest = read_digest(reader);
    jump.trainer_step = reader.integer("trainer_step", 0);
    jump.created_unix_s = read_created(reader);
    return jump;
}

// A version as it stands in a key: that one spelling of it.
std::optional<std::int64_t> version_of(std::string_view digits) {
    std::int64_t version = -1;
    const auto [end, fault] =
        std::from_chars(digits.data(), digits.data() + digits.size(), version);
    if (fault != std::errc() || version < 0) return std::nullopt;
    if (fmt::format("{:0{}}", version, kVersionDigits) != digits) return std::nullopt;
    return version;
}

}  // namespace

Record Jump::as_record() const {
    Record record;
    record.run = run;
    record.sequence = sequence;
    record.writer = writer;
    record.kind = kind;
    record.version = version;
    record.base_version = base_version;
    record.objects = objects;
    record.changed_words = changed_words;
    record.total_words = total_words;
    record.layout_hash = layout_hash;
    record.digest = digest;
    record.trainer_step = trainer_step;
    record.created_unix_s = created_unix_s;
    return record;
}

Bytes encode_jump(const Jump& jump) {
    ObjectWriter payload = begin_payload(kJump);
    payload.text("run", jump.run)
        .text("writer", jump.writer)
        .text("kind", name_of(jump.kind))
        .integer("version", jump.version)
        .integer("base_version", jump.base_version)
        .natural("sequence", jump.sequence)
        .text("record_sha256", jump.record_sha256);
    write_objects(payload, jump.objects);
    payload.natural("changed_words", jump.changed_words)
        .natural("total_words", jump.total_words)
        .text("layout_hash", jump.layout_hash)
        .text("digest", jump.digest.hex())
        .integer("trainer_step", jump.trainer_step);
    write_created(payload, jump.created_unix_s);
    return close_envelope(kJump, payload);
}

Result<Jump> decode_jump(std::span<const std::byte> stored) {
    return open_envelope<Jump>(kJump, stored, read_jump, encode_jump);
}

std::string jump_fault(const Jump& jump, const Record& logged, const std::string& stored_sha256) {
    const auto differs_in = [&](const char* what) {
        return fmt::format("differs from the log's record {} in {}", logged.sequence, what);
    };
    if (jump.run != logged.run) return differs_in("the run");
    if (jump.sequence != logged.sequence) return differs_in("the sequence number");
    if (jump.record_sha256 != stored_sha256) return differs_in("the record's SHA-256");
    if (jump.digest != logged.digest) return differs_in("the digest");
    if (jump.layout_hash != logged.layout_hash) return differs_in("the layout hash");
    if (jump.total_words != logged.total_words) return differs_in("total_words");
    if (jump.trainer_step != logged.trainer_step) return differs_in("the trainer step");
    return {};
}

std::string jump_key(const std::string& run, std::int64_t base_version, std::int64_t version) {
    const std::string base =
        base_version < 0 ? "none" : fmt::format("{:0{}}", base_version, kVersionDigits);
    return fmt::format("{}/jumps/{}-{:0{}}.json", run, base, version, kVersionDigits);
}

std::optional<JumpEnds> jump_ends(std::string_view key) {
    constexpr std::string_view kFolder = "/jumps/";
    constexpr std::string_view kEnding = ".json";
    const std::size_t folder = key.rfind(kFolder);
    if (folder == std::string_view::npos || !key.ends_with(kEnding)) return std::nullopt;
    std::string_view name = key.substr(folder + kFolder.size());
    name.remove_suffix(kEnding.size());
    const std::size_t dash = name.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const std::optional<std::int64_t> version = version_of(name.substr(dash + 1));
    const std::string_view base_text = name.substr(0, dash);
    const std::optional<std::int64_t> base = base_text == "none" ? -1 : version_of(base_text);
    if (!version || !base || *base >= *version) return std::nullopt;
    return JumpEnds{.base_version = *base, .version = *version};
}

}  // namespace dws
