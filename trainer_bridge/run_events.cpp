#include "trainer_bridge/run_events.h"

#include <fmt/format.h>

namespace dws {
namespace {

std::string size_text(std::uint64_t bytes) {
    const auto size = static_cast<double>(bytes);
    return bytes < 1'000'000 ? fmt::format("{:.1f} kB", size / 1e3)
                             : fmt::format("{:.1f} MB", size / 1e6);
}

std::string content(const PublishedVersion& version) {
    if (version.record.kind == RecordKind::anchor) return "anchor";
    if (version.record.is_rollback) {
        return fmt::format("rollback to step {}", version.record.trainer_step);
    }
    return fmt::format("delta of {} step{}", version.steps, version.steps == 1 ? "" : "s");
}

}  // namespace

void say_version(EventLog& log, const PublishedVersion& version, const ArrayTable& table) {
    const Record& record = version.record;
    const std::uint64_t full_bytes = table.word_bytes();
    const double changed_fraction =
        static_cast<double>(record.changed_words) / static_cast<double>(record.total_words);
    log.write(
        "version",
        fmt::format("version {} | {}, {} of {} | encode {:.1f} ms, upload {:.1f} ms, commit "
                    "{:.1f} ms",
                    record.version, content(version), size_text(version.file_bytes),
                    size_text(full_bytes), version.encode_ms, version.upload_ms, version.commit_ms),
        {{"version", record.version},
         {"kind", std::string(name_of(record.kind))},
         {"steps", version.steps},
         {"changed_words", static_cast<std::int64_t>(record.changed_words)},
         {"total_words", static_cast<std::int64_t>(record.total_words)},
         {"changed_fraction", changed_fraction},
         {"file_bytes", static_cast<std::int64_t>(version.file_bytes)},
         {"full_bytes", static_cast<std::int64_t>(full_bytes)},
         {"encode_ms", version.encode_ms},
         {"upload_ms", version.upload_ms},
         {"commit_ms", version.commit_ms},
         {"total_ms", version.total_ms},
         {"trainer_step", record.trainer_step},
         {"digest", record.digest.hex()}});
}

void say_fault(EventLog& log, const std::string& where, const Error& error) {
    log.write(
        "fault", fmt::format("fault in {} | {}: {}", where, name_of(error.fault), error.detail),
        {{"where", where}, {"fault", std::string(name_of(error.fault))}, {"detail", error.detail}});
}

PublisherEvents publisher_events(EventLog& log, const ArrayTable& table) {
    return {.published = [&](const PublishedVersion& version) { say_version(log, version, table); },
            .fault = [&](const Error& error) { say_fault(log, "publisher", error); }};
}

}  // namespace dws
