#include "experiments/faults/event_watch.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dws {
namespace {

std::int64_t integer(const nlohmann::json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_number() ? found->get<std::int64_t>() : -1;
}

std::string text(const nlohmann::json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

void note(ProcessSeen& seen, const nlohmann::json& event) {
    const std::string kind = text(event, "event");
    const auto time = event.find("time_unix_s");
    if (time != event.end() && time->is_number()) seen.told_unix_s = time->get<double>();
    if (kind == "commit") {
        seen.committed = integer(event, "version");
    } else if (kind == "rescan") {
        const auto failed = event.find("failed");
        const bool has_failed =
            failed != event.end() && failed->is_boolean() && failed->get<bool>();
        seen.rescans += 1;
        seen.rescans_failed += has_failed ? 1 : 0;
        if (!has_failed) seen.rescanned = std::max(seen.rescanned, integer(event, "version"));
    } else if (kind == "resume") {
        seen.resumes[text(event, "how")] += 1;
    } else if (kind == "rollback") {
        seen.rollback_reason = text(event, "reason");
    } else if (kind == "end") {
        seen.end_version = integer(event, "version");
        seen.end_digest = text(event, "digest");
    } else if (kind == "fault") {
        const bool is_of_words =
            text(event, "where") == "checkpoint" && text(event, "fault") == "corrupt";
        seen.words_wrong += is_of_words ? 1 : 0;
        seen.faults += 1;
        seen.last_fault = text(event, "fault") + ": " + text(event, "detail");
    }
}

}  // namespace

void EventWatch::watch(const std::string& process, const std::filesystem::path& output) {
    if (!seen_.try_emplace(process).second) return;
    watched_.push_back({process, EventTail(output / "events")});
}

void EventWatch::poll() {
    for (Watched& watched : watched_) {
        watched.tail.poll([&](const std::string&, const nlohmann::json& event) {
            note(seen_[watched.process], event);
            if (text(event, "event") == "version")
                published_[integer(event, "version")].insert(text(event, "digest"));
        });
    }
}

}  // namespace dws
