#include "experiments/faults/audit.h"

#include <algorithm>
#include <charconv>

#include "sync/games/game_group.h"
#include "sync/sha256.h"

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
    if (record.is_rollback)
        std::erase_if(learned_, [&](const Learned& learned) {
            return learned.trainer_step > record.trainer_step;
        });
    for (const GamesConsumed& games : record.games)
        for (std::int64_t number = games.first; number < games.next; ++number) {
            if (was_dropped(games, number)) continue;
            trained_.insert({games.worker, number});
            learned_.push_back({record.trainer_step, {games.worker, number}});
        }
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
    return list_groups(tally);
}

Result<Done> Audit::compare_games(Tally& tally) {
    std::set<std::string> contents;
    for (const Learned& learned : learned_) {
        const Result<std::string> content = content_of(learned.group);
        if (content) {
            if (!contents.insert(*content).second) tally.games_twice += 1;
        } else if (content.error().fault == Fault::transport) {
            return content.error();
        } else {
            lose(learned.group, tally);
        }
    }
    return Done{};
}

// What was played, without who says so and under which number.
Result<std::string> Audit::content_of(const Group& group) {
    const Result<Bytes> bytes = bucket_.get(game_key(run_, group.first, group.second),
                                            {.offset = 0, .length = kMaxGroupBytes});
    if (!bytes) return bytes.error();
    Result<GameGroup> played = decode_group(*bytes);
    if (!played) return played.error();
    played->worker = "anybody";
    played->number = 0;
    return sha256_hex(encode_group(*played));
}

void Audit::lose(const Group& group, Tally& tally) {
    if (counted_lost_.insert(group).second) tally.lost_games += 1;
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
            if (!here.contains(group)) lose(group, tally);
    seen_ = std::move(here);
    return Done{};
}

}  // namespace dws
