#include "experiments/faults/audit.h"

#include <algorithm>
#include <charconv>

namespace dws {
namespace {

bool is_in(const std::vector<std::int64_t>& numbers, std::int64_t number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

bool was_dropped(const GamesConsumed& games, std::int64_t number) {
    return is_in(games.skipped, number) || is_in(games.stale, number) ||
           is_in(games.refused, number);
}

}  // namespace

Result<Done> Audit::read_on() {
    while (true) {
        Result<Record> record = reader_.next();
        if (!record) {
            if (record.error().fault == Fault::missing) return Done{};
            return record.error();
        }
        take_in(*record);
        records_.push_back(std::move(*record));
    }
}

void Audit::take_in(const Record& record) {
    if (record.version >= 0) digests_[record.version] = record.digest.hex();
    for (const GamesConsumed& games : record.games)
        for (std::int64_t number = games.first; number < games.next; ++number)
            if (!was_dropped(games, number) && !trained_.insert({games.worker, number}).second)
                games_twice_ += 1;
    for (const TrainedStep& step : record.steps)
        for (const TrainedRun& run : step)
            for (std::int64_t at = 0; at < run.count; ++at)
                if (!stepped_.insert({record.games.at(run.worker).worker, run.first + at}).second)
                    games_twice_ += 1;
}

Result<Done> Audit::count(const EventWatch& events, Tally& tally) {
    for (const auto& [version, digests] : events.published()) {
        const auto own = digests_.find(version);
        const bool is_lost = own == digests_.end() || !digests.contains(own->second);
        const bool is_twice = digests.size() > 1;
        if ((is_lost || is_twice) && counted_versions_.insert(version).second) {
            tally.lost_versions += is_lost ? 1 : 0;
            tally.versions_twice += is_twice ? 1 : 0;
        }
    }
    tally.games_twice += std::exchange(games_twice_, 0);
    return list_groups(tally);
}

// Nothing removes games here: every group that was there once is there still.
Result<Done> Audit::list_groups(Tally& tally) {
    const std::string prefix = run_ + "/games/";
    const Result<std::vector<std::string>> keys = bucket_.list(prefix, Listing::objects);
    if (!keys) return keys.error();
    std::set<Group> here;
    for (const std::string& key : *keys) {
        const std::size_t slash = key.find('/', prefix.size());
        if (slash == std::string::npos) continue;
        std::int64_t number = -1;
        std::from_chars(key.data() + slash + 1, key.data() + key.size(), number);
        here.insert({key.substr(prefix.size(), slash - prefix.size()), number});
    }
    for (const std::set<Group>* known : {&seen_, &trained_})
        for (const Group& group : *known)
            if (!here.contains(group) && counted_lost_.insert(group).second) tally.lost_games += 1;
    seen_ = std::move(here);
    return Done{};
}

}  // namespace dws
