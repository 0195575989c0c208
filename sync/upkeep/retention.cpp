#include "sync/upkeep/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace dws {
namespace {

// The number in "<folder><digits><rest>"; empty where there is none.
std::optional<std::int64_t> number_after(std::string_view key, std::string_view before) {
    if (!key.starts_with(before)) return std::nullopt;
    const std::string_view rest = key.substr(before.size());
    std::int64_t number = -1;
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (fault != std::errc() || number < 0) return std::nullopt;
    const bool is_whole = end != rest.data() + rest.size() && (*end == '-' || *end == '.');
    return is_whole ? std::optional(number) : std::nullopt;
}

// The version that a file of words belongs to, from its name.
std::optional<std::int64_t> version_of(std::string_view key) {
    for (const std::string_view stem : {"objects/anchor-", "objects/delta-", "objects/fold-"})
        if (const auto version = number_after(key, stem)) return version;
    return std::nullopt;
}

// Plans one run. The functions run in the order in which they stand.
class Planner {
public:
    Planner(const RunContents& contents, double now_unix_s, double keep_hours)
        : contents_(contents),
          keep_hours_(keep_hours),
          young_from_unix_s_(now_unix_s - 3600 * keep_hours) {}

    RetentionPlan plan() {
        index_versions();
        find_anchors();
        if (!choose_oldest()) return std::move(plan_);
        sort_records();
        sort_jumps();
        sort_objects();
        sort_receipts();
        sort_games();
        finish();
        return std::move(plan_);
    }

private:
    void index_versions();
    void find_anchors();
    bool choose_oldest();
    void sort_records();
    void sort_jumps();
    void sort_objects();
    void sort_receipts();
    void sort_games();
    void finish();

    bool is_young(std::int64_t version) const;
    const Jump* sound_jump(const FoundJump& found) const;
    void name_delta_to_oldest(const Record& record);
    void name(const std::vector<ObjectRef>& objects, bool is_kept, const std::string& reason);
    void remove_object(const std::string& key, std::int64_t version, const std::string& reason);
    void keep(const std::string& key, const std::string& reason);

    struct Naming {
        std::string reason;
        bool is_kept;
        std::uint64_t size_bytes;
    };

    const RunContents& contents_;
    const double keep_hours_;
    const double young_from_unix_s_;
    RetentionPlan plan_;
    std::map<std::int64_t, const LoggedRecord*> versions_;
    std::map<std::int64_t, std::vector<ObjectRef>> anchors_;  // those that are there whole
    std::map<std::string, Naming> named_;                     // object -> who names it
    std::multimap<std::int64_t, Removal> old_objects_;        // by version
    std::map<std::string, Kept> kept_;
};

void Planner::index_versions() {
    for (const LoggedRecord& entry : contents_.records)
        if (makes_version(entry.record)) versions_[entry.record.version] = &entry;
}

bool Planner::is_young(std::int64_t version) const {
    const auto entry = versions_.find(version);
    return entry != versions_.end() && entry->second->record.created_unix_s >= young_from_unix_s_;
}

// Null for one that no follower of this log would take.
const Jump* Planner::sound_jump(const FoundJump& found) const {
    const auto entry = versions_.find(found.ends.version);
    if (!found.jump || entry == versions_.end()) return nullptr;
    const auto& [record, sha256] = *entry->second;
    return jump_fault(*found.jump, record, sha256).empty() ? &*found.jump : nullptr;
}

void Planner::find_anchors() {
    for (const auto& [version, entry] : versions_)
        if (entry->record.kind == RecordKind::anchor &&
            has_all_words(entry->record.objects, contents_.objects))
            anchors_[version] = entry->record.objects;
    for (const FoundJump& found : contents_.jumps) {
        const Jump* jump = sound_jump(found);
        if (jump == nullptr || jump->kind != RecordKind::anchor) continue;
        if (has_all_words(jump->objects, contents_.objects))
            anchors_.emplace(jump->version, jump->objects);
    }
}

bool Planner::choose_oldest() {
    if (anchors_.size() < 2) {
        plan_.why = anchors_.empty()
                        ? "no anchor is there whole: nothing goes"
                        : fmt::format(
                              "version {} is the only anchor that is there whole: nothing "
                              "goes before there are two",
                              anchors_.begin()->first);
        return false;
    }
    const std::int64_t second_newest = std::next(anchors_.rbegin())->first;
    const auto youth = std::find_if(versions_.begin(), versions_.end(),
                                    [&](const auto& entry) { return is_young(entry.first); });
    const bool is_youth_older = youth != versions_.end() && youth->first < second_newest;
    const std::int64_t limit = is_youth_older ? youth->first : second_newest;
    const auto after = anchors_.upper_bound(limit);
    if (after == anchors_.begin()) {
        plan_.why = fmt::format(
            "version {}, the oldest younger than {} h, comes before every "
            "anchor that is there whole: nothing goes",
            limit, keep_hours_);
        return false;
    }
    plan_.oldest_anchor = std::prev(after)->first;
    plan_.why = is_youth_older
                    ? fmt::format(
                          "what is younger than {} h begins at version {}, and {} is the "
                          "newest anchor up to there",
                          keep_hours_, limit, plan_.oldest_anchor)
                    : fmt::format("{} is the older of the newest two anchors", second_newest);
    for (auto anchor = anchors_.find(plan_.oldest_anchor); anchor != anchors_.end(); ++anchor)
        plan_.needed.push_back(
            {anchor->first, anchor->second, versions_.at(anchor->first)->record.digest});
    return true;
}

void Planner::name(const std::vector<ObjectRef>& objects, bool is_kept, const std::string& reason) {
    for (const ObjectRef& object : objects) {
        const auto [named, is_first] =
            named_.try_emplace(object.key, Naming{reason, is_kept, object.size_bytes});
        if (!is_first && is_kept && !named->second.is_kept)
            named->second = {reason, true, object.size_bytes};
    }
}

void Planner::sort_records() {
    const std::int64_t oldest = plan_.oldest_anchor;
    for (const auto& [version, entry] : versions_) {
        const Record& record = entry->record;
        const bool is_it = version == oldest && record.kind == RecordKind::anchor;
        if (version > oldest || is_it)
            name(record.objects, true, fmt::format("of versions from anchor {} on", oldest));
        else if (is_young(version))
            name(record.objects, true, fmt::format("younger than {} h", keep_hours_));
        else if (version < oldest)
            name(record.objects, false,
                 fmt::format("of version {}, before anchor {}", version, oldest));
        else
            name_delta_to_oldest(record);
    }
}

// A later anchor holds that version whole; what accompanies the words stands in the record alone.
void Planner::name_delta_to_oldest(const Record& record) {
    for (const ObjectRef& object : record.objects) {
        const bool is_kept = !holds_words(object);
        name({object}, is_kept,
             is_kept ? fmt::format("of versions from anchor {} on", plan_.oldest_anchor)
                     : fmt::format("of the delta to {}, which a later anchor holds whole",
                                   plan_.oldest_anchor));
    }
}

void Planner::sort_jumps() {
    const std::int64_t oldest = plan_.oldest_anchor;
    for (const FoundJump& found : contents_.jumps) {
        const auto [base, version] = found.ends;
        const std::string key = found.key.substr(found.key.rfind("jumps/"));
        const bool is_anchor = base < 0;
        const bool stays = (is_anchor ? version : base) >= oldest || is_young(version);
        const std::string reason =
            is_anchor ? fmt::format("anchor of version {}, before anchor {}", version, oldest)
                      : fmt::format("fold from version {}, before anchor {}", base, oldest);
        if (found.jump)
            name(found.jump->objects, stays,
                 stays ? fmt::format("of jumps from anchor {} on", oldest) : "of a " + reason);
        if (!stays) plan_.removals.push_back({key, reason, 0});
    }
}

void Planner::remove_object(const std::string& key, std::int64_t version,
                            const std::string& reason) {
    const auto named = named_.find(key);
    const std::uint64_t bytes = named == named_.end() ? 0 : named->second.size_bytes;
    old_objects_.emplace(version, Removal{key, reason, bytes});
}

void Planner::keep(const std::string& key, const std::string& reason) {
    const auto named = named_.find(key);
    Kept& kept = kept_[reason];
    kept.reason = reason;
    kept.objects += 1;
    if (named != named_.end()) kept.size_bytes += named->second.size_bytes;
}

void Planner::sort_objects() {
    const std::int64_t oldest = plan_.oldest_anchor;
    const std::int64_t newest = versions_.rbegin()->first;
    for (const std::string& key : contents_.objects) {
        const auto named = named_.find(key);
        const std::optional<std::int64_t> version = version_of(key);
        if (named != named_.end() && named->second.is_kept)
            keep(key, named->second.reason);
        else if (named != named_.end())
            remove_object(key, version.value_or(oldest), named->second.reason);
        else if (!version)
            keep(key, "of no version by its name, and named by nothing");
        else if (*version > newest)
            keep(key, fmt::format("after version {}, the newest: perhaps on its way", newest));
        else if (*version > oldest)
            keep(key, fmt::format("named by nothing yet, but after anchor {}", oldest));
        else if (is_young(*version))
            keep(key, fmt::format("younger than {} h", keep_hours_));
        else
            remove_object(key, *version, "no record or jump names it");
    }
    for (auto& [version, removal] : old_objects_) plan_.removals.push_back(std::move(removal));
}

void Planner::sort_receipts() {
    for (const std::string& key : contents_.receipts) {
        const auto version = number_after(key, "receipts/");
        if (!version || *version > plan_.oldest_anchor || is_young(*version)) continue;
        plan_.removals.push_back(
            {key,
             fmt::format("receipt of version {}, before anchor {}", *version, plan_.oldest_anchor),
             0});
    }
}

// Those that records before the oldest anchor's decided.
void Planner::sort_games() {
    std::map<std::string, std::int64_t> cursors;
    for (const LoggedRecord& entry : contents_.records) {
        if (entry.record.sequence >= versions_.at(plan_.oldest_anchor)->record.sequence) break;
        for (const GamesConsumed& games : entry.record.games) cursors[games.worker] = games.next;
    }
    for (const auto& [worker, next] : cursors) {
        const std::string folder = fmt::format("games/{}/", worker);
        for (auto key = contents_.games.lower_bound(folder);
             key != contents_.games.end() && key->starts_with(folder); ++key) {
            const auto number = number_after(*key, folder);
            if (number && *number < next)
                plan_.removals.push_back(
                    {*key, fmt::format("decided before anchor {}", plan_.oldest_anchor), 0});
        }
    }
}

void Planner::finish() {
    for (auto& [reason, kept] : kept_) plan_.kept.push_back(std::move(kept));
}

}  // namespace

RetentionPlan plan_retention(const RunContents& contents, double now_unix_s, double keep_hours) {
    return Planner(contents, now_unix_s, keep_hours).plan();
}

}  // namespace dws
