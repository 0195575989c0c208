#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/subscriber_parts.h"

namespace dws {
namespace {

// Between two tries of a version whose files or words are wrong, which a try costs a whole fetch.
constexpr double kLongestWait_s = 30;

}  // namespace

// On from the version held. Damaged words lead nowhere: the same version is built anew. Where
// neither goes, the next version that can be built from an anchor, an older one too.
Road Subscriber::Parts::choose_road(std::stop_token stop) {
    if (is_damaged) {
        Road back = search.find(-1, held(), stop);
        if (!back.empty() && back.back()->version == held()) return back;
    } else {
        Road on = search.find(held(), limit(), stop);
        if (!on.empty() || history.newest_version(limit()) <= held()) return on;
    }
    Road anew = search.find(-1, limit(), stop);
    return !anew.empty() && anew.back()->version > held() ? anew : Road{};
}

// Live words are exactly one version: what begins behind them, or in place of them, is taken whole.
std::size_t Subscriber::Parts::pieces_at_once(const Road& road) {
    const Record& first = *road.front();
    const bool is_behind = first.kind == RecordKind::anchor && first.version <= held();
    return is_damaged || is_behind ? road.size() : 1;
}

// True when there is another road to be tried at once; false: after a wait.
bool Subscriber::Parts::plan_after(const Error& error, const Road& road, std::stop_token stop) {
    if (error.fault == Fault::transport) {
        say(error, trying_again(held()));
        next_try_s = monotonic_s() + wait_after_s(error, 0);
        return false;
    }
    // A delta does not fit damaged words. Sound words are not made better by loading them again.
    const bool reads_live_words = !is_damaged && road.front()->kind == RecordKind::delta;
    if (reads_live_words && error.fault != Fault::missing && is_live_damaged()) return true;
    search.strike(road, loader.culprit());
    const Road other = choose_road(stop);
    if (!other.empty()) {
        say(error, taking(other));
        return true;
    }
    obstacle = error;
    say(error, waiting_for(held(), loader.last_object(), view.has_ended));
    search.begin_anew();
    back_off();
    return false;
}

bool Subscriber::Parts::is_live_damaged() {
    const Result<Done> live = replica.rescan(0, table.tiles());
    if (live) return false;
    {
        std::unique_lock lock(mutex);
        is_damaged = true;
    }
    search.begin_anew();  // what led here may be the only way back
    say_damaged(live.error());
    return true;
}

// A wrong version is wrong the next time too: its files are fetched ever more seldom.
void Subscriber::Parts::back_off() {
    const double poll_s = std::chrono::duration<double>(options.poll).count();
    wait_s = std::min(std::max(2 * wait_s, poll_s), kLongestWait_s);
    next_try_s = monotonic_s() + wait_s;
}

void Subscriber::Parts::say(const Error& error, const std::string& next_action) {
    told.tell_once(error, loader.last_object(), next_action);
}

void Subscriber::Parts::say_damaged(const Error& error) {
    told.tell_once(error, "live memory", reloading(held(), history.road(-1, held())));
}

// The committed version. A commit may be under way, so the replica itself is not asked.
std::int64_t Subscriber::Parts::held() const {
    std::unique_lock lock(mutex);
    return committed;
}

// What the thread may stage. Nothing is held back from who holds nothing: it could not play.
std::int64_t Subscriber::Parts::limit() const {
    if (held() >= 0) return newest_allowed();
    const std::int64_t start = history.oldest_start();
    return newest_allowed(start >= 0 ? start : view.newest_version);
}

// The thread reads what only it writes; others hold the lock.
std::int64_t Subscriber::Parts::newest_allowed(std::int64_t at_least) const {
    const std::int64_t newest = view.newest_version;
    const std::int64_t back = view.has_ended ? 0 : options.hold_back_versions;
    const std::int64_t most = std::max(newest - back, at_least);
    return options.stop_at_version < 0 ? most : std::min(most, options.stop_at_version);
}

}  // namespace dws
