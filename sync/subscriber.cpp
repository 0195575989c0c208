#include "sync/subscriber.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "sync/doorbell.h"
#include "sync/told_faults.h"
#include "sync/version_history.h"
#include "sync/version_loader.h"

namespace dws {
namespace {

// Between two tries of a version whose files or words are wrong, which a try costs a whole fetch.
constexpr double kLongestWait_s = 30;

}  // namespace

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
    VersionLoader loader;
    ToldFaults told;                 // since the last commit
    std::optional<Fault> log_fault;  // why the next record cannot be read; told, and not over
    std::optional<Error> verdict;    // the log is not to be trusted from here on
    std::int64_t skip_to = -1;       // an anchor that replaces a road which is broken
    double wait_s = 0;               // since the last try that failed; 0: it did not
    double next_try_s = 0;           // on monotonic_s(); no version is fetched before
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
    void back_off();
    bool wait_for_commit(std::stop_token stop);
    bool rescan(bool is_whole);
    void give_up();

    void enter(SubscriberState next);                              // with the lock held
    void say(const Error& error, const std::string& next_action);  // of the object asked for last
    void say_damaged(const Error& error);
    std::int64_t held() const;
    std::int64_t limit() const;
    std::int64_t newest_allowed(std::int64_t at_least = -1) const;
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
      told(events.fault),
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
            log_fault.reset();
            accept(std::move(*record));
            continue;
        }
        const Error& error = record.error();
        const bool is_outage = error.fault == Fault::transport || error.fault == Fault::corrupt;
        if (error.fault != Fault::missing && !is_outage) verdict = error;
        if (is_outage && log_fault != error.fault) {
            const std::string key = log_key(options.run, reader.position().next_sequence);
            told.tell(error, reading_again(held(), key, error.fault));
        }
        log_fault = is_outage ? std::optional(error.fault) : std::nullopt;
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
    if (record.kind == RecordKind::anchor) next_try_s = 0;  // another road
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
    if (monotonic_s() < next_try_s) return false;
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
    const Record* next = history.next_after(held(), limit());
    return next == nullptr ? Road{} : Road{next};
}

// True when there is another road to be tried at once; false: after a wait.
bool Subscriber::Parts::plan_after(const Error& error, const Record& target) {
    skip_to = -1;
    if (error.fault == Fault::transport) {
        say(error, trying_again(held()));
        return false;
    }
    // A delta does not fit damaged words. Sound words are not made better by loading them again.
    const Result<Done> live = error.fault == Fault::wrong_base && !is_damaged
                                  ? replica.rescan(0, table.tiles())
                                  : Result<Done>(Done{});
    if (!live) {
        say_damaged(live.error());
        std::unique_lock lock(mutex);
        is_damaged = true;
        return true;
    }
    if (const Record* anchor = history.newest_anchor(target.version, limit())) {
        say(error, fmt::format("reloading anchor {}", anchor->version));
        skip_to = anchor->version;
        return true;
    }
    say(error, waiting_for(held(), loader.last_object(), view.has_ended));
    back_off();
    return false;
}

// A wrong version is wrong the next time too: its files are fetched ever more seldom.
void Subscriber::Parts::back_off() {
    const double poll_s = std::chrono::duration<double>(options.poll).count();
    wait_s = std::min(std::max(2 * wait_s, poll_s), kLongestWait_s);
    next_try_s = monotonic_s() + wait_s;
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
    told.forget();
    skip_to = -1;
    history.forget_before(replica.version());
    {
        std::unique_lock lock(mutex);
        is_damaged = !found;
        enter(SubscriberState::waiting);
    }
    if (found) {
        wait_s = 0;
        return true;
    }
    say_damaged(found.error());
    if (is_whole) back_off();
    return !is_whole;
}

void Subscriber::Parts::give_up() {
    told.tell(*verdict, "stopping: the operator must act");
    std::unique_lock lock(mutex);
    failure = verdict;
    enter(SubscriberState::faulted);
}

void Subscriber::Parts::enter(SubscriberState next) {
    require(may_follow(state, next), "the subscriber's states follow each other as listed");
    state = next;
}

void Subscriber::Parts::say(const Error& error, const std::string& next_action) {
    told.tell_once(error, loader.last_object(), next_action);
}

void Subscriber::Parts::say_damaged(const Error& error) {
    told.tell_once(error, "live memory", reloading(held(), history.newest_anchor(-1, held())));
}

// The committed version. A commit may be under way, so the replica itself is not asked.
std::int64_t Subscriber::Parts::held() const {
    std::unique_lock lock(mutex);
    return committed;
}

// What the thread may stage. Nothing is held back from who holds nothing: it could not play.
std::int64_t Subscriber::Parts::limit() const {
    const Record* first = held() < 0 ? history.oldest_anchor() : nullptr;
    return newest_allowed(first == nullptr ? -1 : first->version);
}

// The thread reads what only it writes; others hold the lock.
std::int64_t Subscriber::Parts::newest_allowed(std::int64_t at_least) const {
    const std::int64_t newest = view.newest_version;
    const std::int64_t back = view.has_ended ? 0 : options.hold_back_versions;
    const std::int64_t most = std::max(newest - back, at_least);
    return options.stop_at_version < 0 ? most : std::min(most, options.stop_at_version);
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
    // Words loaded whole are proven; damage to come is the next rescan's to find.
    if (!parts_->staged->next.empty()) parts_->is_damaged = false;
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

bool Subscriber::is_sound() const {
    std::unique_lock lock(parts_->mutex);
    return !parts_->is_damaged;
}

bool Subscriber::is_complete() const {
    std::unique_lock lock(parts_->mutex);
    const bool is_at_rest = parts_->state == SubscriberState::waiting && !parts_->is_damaged;
    return parts_->view.has_ended && is_at_rest && parts_->committed >= parts_->newest_allowed();
}

}  // namespace dws
