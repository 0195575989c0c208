#include "model/merge_table.h"

#include <queue>
#include <tuple>

#include "base/require.h"

namespace dws {
namespace {

constexpr std::int32_t kNone = -1;

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
}

// A token of the piece in its present state, linked to its neighbours. token kNone: merged away.
struct Link {
    std::int32_t token;
    std::int32_t before;
    std::int32_t after;
};

// Two neighbours that a rule fits, as they were when they were found.
struct Candidate {
    std::int32_t rank;
    std::int32_t place;  // of the left one
    std::int32_t left;
    std::int32_t right;
    std::int32_t merged;

    bool operator>(const Candidate& other) const {
        return std::tie(rank, place) > std::tie(other.rank, other.place);
    }
};

std::vector<Link> chain_of(std::span<const std::int32_t> tokens) {
    require(tokens.size() < INT32_MAX, "places in a piece are 32 bits");
    const auto size = static_cast<std::int32_t>(tokens.size());
    std::vector<Link> links;
    links.reserve(tokens.size());
    for (std::int32_t i = 0; i < size; ++i) {
        links.push_back({tokens[static_cast<std::size_t>(i)], i - 1, i + 1 < size ? i + 1 : kNone});
    }
    return links;
}

}  // namespace

MergeTable::MergeTable(std::span<const MergeRule> rules) {
    rules_.reserve(rules.size());
    std::int32_t rank = 0;
    for (const MergeRule& rule : rules) {
        rules_.insert_or_assign(key_of(rule.left, rule.right), Ranked{rank, rule.merged});
        rank += 1;
    }
}

const MergeTable::Ranked* MergeTable::rule_of(std::int32_t left, std::int32_t right) const {
    const auto found = rules_.find(key_of(left, right));
    return found == rules_.end() ? nullptr : &found->second;
}

std::vector<std::int32_t> MergeTable::merge(std::span<const std::int32_t> tokens) const {
    std::vector<Link> links = chain_of(tokens);
    const auto link = [&](std::int32_t place) -> Link& {
        return links[static_cast<std::size_t>(place)];
    };
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
    const auto propose = [&](std::int32_t place) {  // this one with the one after it
        if (place == kNone || link(place).after == kNone) return;
        const std::int32_t left = link(place).token, right = link(link(place).after).token;
        const Ranked* rule = rule_of(left, right);
        if (rule) candidates.push({rule->rank, place, left, right, rule->merged});
    };

    for (std::size_t i = 0; i < links.size(); ++i) propose(static_cast<std::int32_t>(i));
    while (!candidates.empty()) {  // every merge takes one link away and proposes two at most
        const Candidate best = candidates.top();
        candidates.pop();
        Link& left = link(best.place);
        if (left.token != best.left || left.after == kNone) continue;  // merged since
        Link& right = link(left.after);
        if (right.token != best.right) continue;
        if (right.after != kNone) link(right.after).before = best.place;
        left.token = best.merged;
        left.after = right.after;
        right.token = kNone;
        propose(left.before);
        propose(best.place);
    }

    std::vector<std::int32_t> merged;
    for (const Link& each : links)
        if (each.token != kNone) merged.push_back(each.token);
    return merged;
}

}  // namespace dws
