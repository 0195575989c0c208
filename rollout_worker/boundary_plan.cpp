#include "rollout_worker/boundary_plan.h"

#include <algorithm>

#include "model/cache_page.h"

namespace dws {
namespace {

struct Prefix {
    std::size_t lender = 0;
    std::size_t tokens = 0;  // that the lender has
    std::size_t coming = 0;  // that some earlier sequence will have
};

// The longest beginning that the sequence shares with another. What it samples behind must be
// computed, since logits are not cached.
Prefix find_prefix(std::span<const PlannedSequence> sequences, std::size_t index) {
    const PlannedSequence& own = sequences[index];
    const std::size_t limit = own.wanted - (own.is_sampling ? 1 : 0);
    Prefix prefix;
    if (limit < kPageTokens) return prefix;
    for (std::size_t i = 0; i < sequences.size(); ++i) {
        const PlannedSequence& other = sequences[i];
        if (i == index || !other.may_lend) continue;
        const std::size_t reach = std::min(limit, i < index ? other.wanted : other.cached);
        const auto end = own.tokens.begin() + static_cast<std::ptrdiff_t>(reach);
        const std::size_t common = static_cast<std::size_t>(
            std::mismatch(own.tokens.begin(), end, other.tokens.begin()).first -
            own.tokens.begin());
        prefix.coming = std::max(prefix.coming, common);
        if (const std::size_t there = std::min(common, other.cached); there > prefix.tokens) {
            prefix.tokens = there;
            prefix.lender = i;
        }
    }
    return prefix;
}

}  // namespace

std::vector<BoundaryStep> plan_boundary(std::vector<PlannedSequence> sequences,
                                        std::size_t prompt_tokens_max) {
    std::vector<BoundaryStep> steps;
    std::size_t left = prompt_tokens_max;
    for (std::size_t index = 0; index < sequences.size(); ++index) {
        PlannedSequence& own = sequences[index];
        if (own.cached == own.wanted) continue;
        BoundaryStep step{index, 0, 0, 0, false};
        if (own.cached == 0) {
            const Prefix prefix = find_prefix(sequences, index);
            // By whole pages, since only they are shared: a page less would be a page more to hold.
            if (prefix.coming / kPageTokens > prefix.tokens / kPageTokens) continue;
            if (prefix.tokens >= kPageTokens) {
                step.lender = prefix.lender;
                step.shared_tokens = own.cached = prefix.tokens;
            }
        }
        const std::size_t lacking = own.wanted - own.cached;
        step.tokens = lacking == 1 ? 1 : std::min(lacking, left);
        if (lacking > 1) left -= step.tokens;
        step.wants_logits = own.is_sampling && step.tokens == lacking;
        if (step.shared_tokens + step.tokens > 0) steps.push_back(step);
    }
    return steps;
}

}  // namespace dws
