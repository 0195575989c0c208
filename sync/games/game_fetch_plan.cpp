#include "sync/games/game_fetch_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/require.h"

namespace dws {
namespace {

// Of one worker: as many as are under way of all together, so that one alone has the whole line.
constexpr std::int64_t kMaxWindow = 16;
// One in so many asks goes to the silent first, so that neither kind waits for the other's end.
constexpr std::size_t kAsksPerSilent = 4;
constexpr double kSilencePerWait = 8;     // a wait is an eighth of the silence before it
constexpr double kLongestWait_s = 3'600;  // a thousand dead workers: a get every four seconds
// A worker of the log who may be gone for long: its first waits are 8 s. Not those who come new.
constexpr double kAssumedSilence_s = 60;
constexpr double kRecently_s = 600;  // whose games a ring without a name may speak of
// A worker pauses long before it has so many undecided. Without the limit a stray object with a
// huge number would make a gap of everything that a living worker has yet to write.
constexpr std::int64_t kMaxAhead = 1'000;

}  // namespace

FetchPlan::FetchPlan(const std::map<std::string, std::int64_t>& cursors, double poll_s,
                     double gap_s, double now_s)
    : poll_s_(poll_s), gap_s_(gap_s) {
    for (const auto& [worker, next] : cursors) {
        Sender& sender = senders_[worker];
        sender.next = next;
        sender.absent = next;  // so it is asked with the silent ones
        sender.due_s = now_s;
        sender.silent_since_s = now_s - kAssumedSilence_s;
        sender.list_due_s = now_s + gap_s / 2;
    }
}

void FetchPlan::add(const std::string& worker, double now_s) {
    const auto [place, is_new] = senders_.try_emplace(worker);
    if (!is_new) return;
    place->second.silent_since_s = now_s;
    place->second.list_due_s = now_s + gap_s_ / 2;
}

std::optional<GameAsk> FetchPlan::next_ask(double now_s, std::size_t room) {
    if (now_s < paused_until_s_ || room == 0) return std::nullopt;
    const bool is_silents_turn = asks_ % kAsksPerSilent == 0;
    std::optional<GameAsk> ask = is_silents_turn ? ask_silent(now_s) : ask_ahead();
    if (!ask) ask = is_silents_turn ? ask_ahead() : ask_silent(now_s);
    if (!ask) return std::nullopt;
    asks_ += 1;
    Sender& sender = senders_.at(ask->worker);
    if (ask->what == GameAsk::What::folder) {
        sender.is_listing = true;
    } else {
        sender.under_way.insert(ask->number);
        groups_ += 1;
    }
    return ask;
}

// Of the workers in turn, the lowest number that is neither here nor under way.
std::optional<GameAsk> FetchPlan::ask_ahead() {
    auto place = senders_.upper_bound(turn_);
    for (std::size_t looked = 0; looked < senders_.size(); ++looked, ++place) {
        if (place == senders_.end()) place = senders_.begin();
        const std::optional<std::int64_t> number = next_number(place->second);
        if (!number) continue;
        turn_ = place->first;
        return GameAsk{.what = GameAsk::What::group, .worker = place->first, .number = *number};
    }
    return std::nullopt;
}

std::optional<std::int64_t> FetchPlan::next_number(const Sender& sender) const {
    const std::int64_t end = sender.next + sender.window;
    for (std::int64_t number = sender.next; number < end; ++number) {
        if (sender.absent && number >= *sender.absent) return std::nullopt;
        if (!sender.under_way.contains(number) && !sender.kept.contains(number)) return number;
    }
    return std::nullopt;
}

// Whoever is due for the longest time; a folder only where no number is due.
std::optional<GameAsk> FetchPlan::ask_silent(double now_s) {
    const Senders::value_type* first = nullptr;
    const Senders::value_type* folder = nullptr;
    for (const auto& entry : senders_) {
        const Sender& sender = entry.second;
        if (!sender.waits()) continue;
        if (sender.due_s <= now_s && (!first || sender.due_s < first->second.due_s)) first = &entry;
        if (sender.list_due_s <= now_s && !sender.is_listing && !sender.knows_gap())
            folder = &entry;
    }
    if (first != nullptr) return GameAsk{GameAsk::What::group, first->first, first->second.next};
    if (folder != nullptr)
        return GameAsk{GameAsk::What::folder, folder->first, folder->second.next};
    return std::nullopt;
}

double FetchPlan::next_due_s() const {
    double due_s = std::numeric_limits<double>::infinity();
    for (const auto& [worker, sender] : senders_) {
        if (!sender.waits()) continue;
        due_s = std::min(due_s, sender.due_s);
        if (!sender.is_listing && !sender.knows_gap()) due_s = std::min(due_s, sender.list_due_s);
    }
    return std::max(due_s, paused_until_s_);
}

std::vector<ReceivedGroup> FetchPlan::found(ReceivedGroup group, double now_s) {
    Sender& sender = senders_.at(group.worker);
    const std::int64_t number = group.number;
    sender.under_way.erase(number);
    if (sender.absent && number > *sender.absent) {
        // It would hold memory until the absent one is here; it is fetched again then.
        groups_ -= 1;
        see(sender, number, now_s);
        return {};
    }
    const bool was_absent = sender.absent == number;
    if (was_absent) sender.absent.reset();
    // One that was waited for says nothing of the next ones.
    if (!was_absent) sender.window = std::min(sender.window + 1, kMaxWindow);
    sender.kept.emplace(number, std::move(group));
    return hand_out(sender, now_s);
}

std::vector<ReceivedGroup> FetchPlan::hand_out(Sender& sender, double now_s) {
    std::vector<ReceivedGroup> groups;
    for (auto first = sender.kept.begin();
         first != sender.kept.end() && first->first == sender.next;
         first = sender.kept.erase(first)) {
        groups.push_back(std::move(first->second));
        groups_ -= 1;
        sender.next += 1;
    }
    if (groups.empty()) return groups;
    sender.silent_since_s = now_s;
    sender.list_due_s = now_s + gap_s_ / 2;
    return groups;
}

std::vector<ReceivedGroup> FetchPlan::missing(const GameAsk& ask, double now_s) {
    Sender& sender = senders_.at(ask.worker);
    const bool is_first = !sender.absent || ask.number <= *sender.absent;
    if (is_first) set_due(sender, now_s);
    end_at(sender, ask.number, now_s);
    if (!is_first) return {};
    if (std::exchange(sender.is_rung, false)) sender.due_s = now_s;
    if (ask.number != sender.next || !is_lost(sender, now_s)) return {};
    sender.next += 1;
    sender.absent.reset();
    return {ReceivedGroup{
        .worker = ask.worker,
        .number = ask.number,
        .group = {},
        .error = Error{Fault::missing,
                       fmt::format("group {} of worker {} was never finished or has been removed",
                                   ask.number, ask.worker)}}};
}

bool FetchPlan::is_lost(const Sender& sender, double now_s) const {
    return sender.knows_gap() && now_s - sender.later->since_s >= gap_s_;
}

// The number did not come: nothing beyond it is asked or kept.
void FetchPlan::end_at(Sender& sender, std::int64_t number, double now_s) {
    sender.under_way.erase(number);
    groups_ -= 1;
    if (sender.absent && *sender.absent < number) return;
    sender.absent = number;
    sender.window = 1;
    while (!sender.kept.empty() && sender.kept.rbegin()->first > number) {
        see(sender, sender.kept.rbegin()->first, now_s);
        sender.kept.erase(std::prev(sender.kept.end()));
        groups_ -= 1;
    }
}

// A later one that is still beyond what is absent stays: it has been there for longer. Whoever
// writes several at once has most likely written the absent one, too, by now: ask at once.
void FetchPlan::see(Sender& sender, std::int64_t number, double now_s) {
    const std::int64_t lowest = sender.absent.value_or(sender.next);
    if (number <= lowest || number > sender.next + kMaxAhead) return;
    if (sender.later && sender.later->number > lowest) return;
    sender.later = Sighting{number, now_s};
    sender.due_s = now_s;
}

void FetchPlan::set_due(Sender& sender, double now_s) {
    const double longest_s = std::max(kLongestWait_s, poll_s_);
    const double silent_s = now_s - sender.silent_since_s;
    sender.due_s = now_s + std::clamp(silent_s / kSilencePerWait, poll_s_, longest_s);
    if (sender.knows_gap())
        sender.due_s = std::min(sender.due_s, std::max(sender.later->since_s + gap_s_, now_s));
}

void FetchPlan::listed(const GameAsk& ask, const std::vector<std::int64_t>& numbers, double now_s) {
    Sender& sender = senders_.at(ask.worker);
    sender.is_listing = false;
    const double silent_s = now_s - sender.silent_since_s;
    const double longest_s = std::max(kLongestWait_s, gap_s_);
    sender.list_due_s = now_s + std::clamp(silent_s, gap_s_ / 2, longest_s);
    if (!sender.waits()) return;
    std::int64_t latest = sender.next;
    for (const std::int64_t number : numbers)
        if (number <= sender.next + kMaxAhead) latest = std::max(latest, number);
    see(sender, latest, now_s);
}

void FetchPlan::unanswered(const GameAsk& ask, double now_s, double wait_s) {
    paused_until_s_ = std::max(paused_until_s_, now_s + std::max(poll_s_, wait_s));
    Sender& asked = senders_.at(ask.worker);
    if (ask.what == GameAsk::What::folder) {
        asked.is_listing = false;
    } else {
        end_at(asked, ask.number, now_s);
        asked.due_s = now_s;
    }
    // Who could not be read may not have been able to write.
    for (auto& [worker, sender] : senders_)
        if (sender.later) sender.later->since_s = now_s;
}

void FetchPlan::rung(const std::string& worker, double now_s) {
    const auto wake = [&](Sender& sender) {
        sender.due_s = now_s;
        sender.is_rung = !sender.under_way.empty();
    };
    if (worker.empty()) {
        for (auto& [name, sender] : senders_)
            if (now_s - sender.silent_since_s <= kRecently_s) wake(sender);
        return;
    }
    const auto place = senders_.find(worker);
    if (place == senders_.end()) return;
    wake(place->second);
    place->second.silent_since_s = now_s;
    place->second.list_due_s = std::min(place->second.list_due_s, now_s + gap_s_ / 2);
}

}  // namespace dws
