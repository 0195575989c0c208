#include "sync/subscriber.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "sync/doorbell.h"
#include "sync/version_history.h"
#include "sync/version_loader.h"

namespace dws {

struct Subscriber::Parts {
    Bucket& bucket;
    Replica& replica;
    const SubscriberOptions options;
    const SubscriberEvents events;
    const ArrayTable& table;

    // The thread's own.
    ChainReader reader;
    DoorbellListener listener;
    VersionHistory history;
    const VersionLoader loader;
    std::set<std::string> said;    // faults reported since the last commit: each is told once
    bool has_log_outage = false;   // reported, and not over
    std::optional<Error> verdict;  // the log is not to be trusted from here on
    std::int64_t skip_to = -1;     // an anchor that replaces a road which is broken
    std::size_t first_rescan_tile = 0;

    mutable std::mutex mutex;
    std::condition_variable_any changed;
    SubscriberState state = SubscriberState::waiting;  // guarded by mutex
    LogView view;                                      // guarded by mutex
    std::optional<StagedVersion> staged;               // guarded by mutex
    CommitReport report;                               // guarded by mutex; of what is staged
    std::int64_t committed = -1;                       // guarded by mutex
    bool is_damaged = false;               // guarded by mutex; live words are not what they must be
    std::optional<Error> failure;          // guarded by mutex
    std::atomic<bool> has_staged = false;  // state == staged, for a cheap look
    std::jthread thread;                   // last member: joined first

    Parts(Bucket& bucket_, Replica& replica_, SubscriberOptions options_, SubscriberEvents events_);

    void run(std::stop_token stop);
    void read_ahead(std::stop_token stop);
    void accept(Record record);
    bool advance(std::stop_token stop);
    Road choose_road() const;
    bool plan_after(const Error& error, const Record& target);
    bool wait_for_commit(std::stop_token stop);
    bool rescan(bool is_whole);
    void give_up();

    void enter(SubscriberState next);  // with the lock held
    void say(const Error& error, const std::string& next_action);
    std::string reload_text() const;
    std::int64_t held() const;
    std::int64_t newest_allowed() const;
};

Subscriber::Parts::Parts(Bucket& bucket_, Replica& replica_, SubscriberOptions options_,
                         SubscriberEvents events_)
    : bucket(bucket_),
      replica(replica_),
      options(std::move(options_)),
      events(std::move(events_)),
      table(replica.table()),
      reader(bucket, options.run),
      listener(options.doorbell, "log"),
      loader(bucket, replica, options.run,
             [this](const Error& error) { say(error, "fetching it again"); }),
      committed(replica.version()),
      thread([this](std::stop_token stop) { run(stop); }) {}

void Subscriber::Parts::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        read_ahead(stop);
        if (verdict) return give_up();
        if (!advance(stop)) listener.wait(options.poll, stop);
    }
}

// Records are small and read as soon as they are there; their objects come one version at a time.
void Subscriber::Parts::read_ahead(std::stop_token stop) {
    while (!stop.stop_requested() && !verdict) {
        Result<Record> record = reader.next();
        if (record) {
            has_log_outage = false;
            accept(std::move(*record));
            continue;
        }
        const Error& error = record.error();
        const bool is_outage = error.fault == Fault::transport || error.fault == Fault::corrupt;
        if (error.fault != Fault::missing && !is_outage) verdict = error;
        if (is_outage && !has_log_outage && events.fault)
            events.fault(error, fmt::format("keeping version {}, reading the log again", held()));
        has_log_outage = is_outage;
        return;
    }
}

void Subscriber::Parts::accept(Record record) {
    const bool is_version = record.kind == RecordKind::anchor || record.kind == RecordKind::delta;
    if (is_version && record.layout_hash != table.layout_hash()) {
        verdict = Error{Fault::untrusted,
                        fmt::format("version {} has other arrays than this model; start with the "
                                    "model config of the run",
                                    record.version)};
        return;
    }
    history.add(std::move(record));
    const ChainPosition& position = reader.position();
    std::unique_lock lock(mutex);
    view = {.newest_version = position.version,
            .newest_trainer_step = position.trainer_step,
            .has_ended = position.has_ended,
            .cursors = position.cursors};
}

// Takes the replica one version further, or back to what it should be. False: nothing to do, or
// nothing that would work now.
bool Subscriber::Parts::advance(std::stop_token stop) {
    const Road road = choose_road();
    if (road.empty()) return false;
    {
        std::unique_lock lock(mutex);
        enter(SubscriberState::fetching);
    }
    CommitReport draft;
    Result<StagedVersion> next = loader.stage(road, draft, stop);
    {
        std::unique_lock lock(mutex);
        enter(next ? SubscriberState::staged : SubscriberState::waiting);
        if (next) {
            staged = std::move(*next);
            report = draft;
            has_staged.store(true, std::memory_order_release);
        }
    }
    if (!next) return !stop.stop_requested() && plan_after(next.error(), *road.back());
    return wait_for_commit(stop) && rescan(road.front()->kind == RecordKind::anchor);
}

Road Subscriber::Parts::choose_road() const {
    if (skip_to > held()) return {history.newest_anchor(skip_to - 1, skip_to)};
    if (is_damaged) return history.road_to(held());
    const Record* next = history.next_after(held(), newest_allowed());
    return next == nullptr ? Road{} : Road{next};
}

// True when there is another road to be tried at once; false: after a wait.
bool Subscriber::Parts::plan_after(const Error& error, const Record& target) {
    skip_to = -1;
    if (error.fault == Fault::transport) {
        say(error, fmt::format("keeping version {}, trying again", held()));
        return false;
    }
    // A delta does not fit damaged words. Sound words are not made better by loading them again.
    const Result<Done> live = error.fault == Fault::wrong_base && !is_damaged
                                  ? replica.rescan(0, table.tiles())
                                  : Result<Done>(Done{});
    if (!live) {
        say(live.error(), reload_text());
        std::unique_lock lock(mutex);
        is_damaged = true;
        return true;
    }
    if (const Record* anchor = history.newest_anchor(target.version, newest_allowed())) {
        say(error, fmt::format("reloading anchor {}", anchor->version));
        skip_to = anchor->version;
        return true;
    }
    say(error, fmt::format("keeping version {}, waiting for the object or a later anchor", held()));
    return false;
}

bool Subscriber::Parts::wait_for_commit(std::stop_token stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex);
            if (changed.wait_for(lock, stop, options.poll,
                                 [&] { return state == SubscriberState::rescanning; }))
                return true;
        }
        read_ahead(stop);  // who generates asks for the newest cursors meanwhile
    }
    return false;
}

// False when words loaded whole are wrong again: the next try comes after a wait.
bool Subscriber::Parts::rescan(bool is_whole) {
    const bool is_full = options.full_rescan || is_whole;
    const std::size_t tiles =
        is_full ? table.tiles() : std::min(options.rescan_tiles, table.tiles());
    const Result<Done> found = replica.rescan(is_full ? 0 : first_rescan_tile, tiles);
    if (!is_full && table.tiles() > 0)
        first_rescan_tile = (first_rescan_tile + tiles) % table.tiles();
    if (events.rescanned)
        events.rescanned(replica.version(), tiles, found ? nullptr : &found.error());
    said.clear();
    skip_to = -1;
    history.forget_before(replica.version());
    {
        std::unique_lock lock(mutex);
        is_damaged = !found;
        enter(SubscriberState::waiting);
    }
    if (!found) say(found.error(), reload_text());
    return found || !is_whole;
}

void Subscriber::Parts::give_up() {
    if (events.fault) events.fault(*verdict, "stopping: the operator must act");
    std::unique_lock lock(mutex);
    failure = verdict;
    enter(SubscriberState::faulted);
}

void Subscriber::Parts::enter(SubscriberState next) {
    require(may_follow(state, next), "the subscriber's states follow each other as listed");
    state = next;
}

void Subscriber::Parts::say(const Error& error, const std::string& next_action) {
    if (!said.insert(error.detail + next_action).second) return;
    if (events.fault) events.fault(error, next_action);
}

std::string Subscriber::Parts::reload_text() const {
    const Record* anchor = history.newest_anchor(-1, held());
    return anchor == nullptr ? fmt::format("keeping version {}, waiting for an anchor", held())
                             : fmt::format("reloading anchor {} and what follows up to version {}",
                                           anchor->version, held());
}

// The committed version. A commit may be under way, so the replica itself is not asked.
std::int64_t Subscriber::Parts::held() const {
    std::unique_lock lock(mutex);
    return committed;
}

// The thread reads what only it writes; others hold the lock.
std::int64_t Subscriber::Parts::newest_allowed() const {
    const std::int64_t newest = view.newest_version;
    const std::int64_t limit = view.has_ended ? newest : newest - options.hold_back_versions;
    return options.stop_at_version < 0 ? limit : std::min(limit, options.stop_at_version);
}

Subscriber::Subscriber(Bucket& bucket, Replica& replica, SubscriberOptions options,
                       SubscriberEvents events)
    : parts_(std::make_unique<Parts>(bucket, replica, std::move(options), std::move(events))) {}

Subscriber::~Subscriber() = default;

bool Subscriber::has_staged() const { return parts_->has_staged.load(std::memory_order_acquire); }

CommitReport Subscriber::commit() {
    {
        std::unique_lock lock(parts_->mutex);
        parts_->enter(SubscriberState::committing);  // from here `staged` is this thread's
        parts_->has_staged.store(false, std::memory_order_release);
    }
    const Stopwatch pause;
    parts_->replica.commit(*parts_->staged);
    CommitReport report = parts_->report;
    report.pause_ms = pause.ms();
    report.sync_ms = 1e3 * (wall_s() - parts_->staged->record.created_unix_s);

    std::unique_lock lock(parts_->mutex);
    parts_->staged.reset();
    parts_->committed = report.version;
    parts_->enter(SubscriberState::rescanning);
    parts_->changed.notify_all();
    return report;
}

LogView Subscriber::log_view() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->view;
}

SubscriberState Subscriber::state() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->state;
}

std::optional<Error> Subscriber::failure() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->failure;
}

bool Subscriber::is_complete() const {
    std::unique_lock lock(parts_->mutex);
    const bool is_at_rest = parts_->state == SubscriberState::waiting && !parts_->is_damaged;
    return parts_->view.has_ended && is_at_rest && parts_->committed >= parts_->newest_allowed();
}

}  // namespace dws
