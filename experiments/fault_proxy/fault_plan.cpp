#include "experiments/fault_proxy/fault_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace dws {
namespace {

constexpr std::array<std::pair<StoreFault, std::string_view>, 9> kNames{
    {{StoreFault::none, "none"},
     {StoreFault::error_500, "error_500"},
     {StoreFault::busy_503, "busy_503"},
     {StoreFault::throttled_429, "throttled_429"},
     {StoreFault::slow, "slow"},
     {StoreFault::truncated, "truncated"},
     {StoreFault::reset, "reset"},
     {StoreFault::stale_list, "stale_list"},
     {StoreFault::lost_answer, "lost_answer"}}};

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(by), text.size());
        if (end > 0) parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::optional<double> positive(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0))
        return std::nullopt;
    return value;
}

double* setting_named(FaultPlan& plan, std::string_view name) {
    if (name == "slow_bytes_per_s") return &plan.slow_bytes_per_s;
    if (name == "stale_s") return &plan.stale_s;
    if (name == "retry_after_s") return &plan.retry_after_s;
    const std::optional<StoreFault> fault = store_fault_named(name);
    return fault ? &plan.shares[*fault] : nullptr;
}

}  // namespace

std::string_view name_of(StoreFault fault) {
    return std::find_if(kNames.begin(), kNames.end(),
                        [&](const auto& entry) { return entry.first == fault; })
        ->second;
}

std::optional<StoreFault> store_fault_named(std::string_view name) {
    for (const auto& [fault, its_name] : kNames)
        if (its_name == name) return fault;
    return std::nullopt;
}

Result<FaultPlan> parse_fault_plan(std::string_view text) {
    FaultPlan plan;
    for (const std::string_view part : split(text, '&')) {
        const std::size_t equals = std::min(part.find('='), part.size());
        const std::string_view name = part.substr(0, equals);
        const std::string_view value = part.substr(std::min(equals + 1, part.size()));
        if (name == "only") {
            plan.only = value;
            continue;
        }
        double* const setting = setting_named(plan, name);
        const std::optional<double> number = positive(value);
        if (setting == nullptr || !number)
            return Error{Fault::corrupt, "'" + std::string(part) + "' is no fault and its share"};
        *setting = *number;
    }
    double all = 0;
    for (const auto& [fault, share] : plan.shares) all += share;
    if (all > 1) return Error{Fault::corrupt, "the shares are more than 1 in all"};
    if (!(plan.slow_bytes_per_s > 0)) return Error{Fault::corrupt, "slow_bytes_per_s is 0"};
    return plan;
}

void FaultDice::set(FaultPlan plan) {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(plan);
}

FaultPlan FaultDice::plan() const {
    const std::lock_guard lock(mutex_);
    return plan_;
}

StoreFault FaultDice::draw(std::string_view target, bool is_listing) {
    const std::lock_guard lock(mutex_);
    StoreFault drawn = StoreFault::none;
    double at = std::uniform_real_distribution<double>(0, 1)(random_);
    for (const auto& [fault, share] : plan_.shares) {
        at -= share;
        if (at >= 0) continue;
        drawn = fault;
        break;
    }
    if (target.find(plan_.only) == std::string_view::npos ||
        (drawn == StoreFault::stale_list && !is_listing))
        drawn = StoreFault::none;
    counts_[drawn] += 1;
    return drawn;
}

std::map<StoreFault, std::int64_t> FaultDice::counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

std::int64_t FaultDice::drawn() const {
    std::int64_t all = 0;
    for (const auto& [fault, count] : counts()) all += count;
    return all;
}

}  // namespace dws
