#include "sync/subscriber.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/require.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/subscriber_parts.h"

namespace dws {
namespace {

// Records that lead to no version that is fetched (an epoch, the end) are remembered so often.
constexpr double kMemoryEvery_s = 1;

}  // namespace

Subscriber::Parts::Parts(Bucket& bucket_, Replica& replica_, SubscriberOptions options_,
                         SubscriberEvents events_)
    : bucket(bucket_),
      replica(replica_),
      options(std::move(options_)),
      events(std::move(events_)),
      table(replica.table()),
      reader(bucket, options.run, options.trust),
      listener(options.doorbell, "log"),
      search(bucket, options.run, history,
             [this](const Error& error, const std::string& key) {
                 told.tell_once(error, key, "going on without it");
             }),
      loader(bucket, replica, options.run,
             [this](const Error& error) { say(error, "fetching it again"); }),
      told(events.fault),
      committed(replica.version()),
      thread([this](std::stop_token stop) { run(stop); }) {}

void Subscriber::Parts::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        read_ahead(stop);
        if (verdict) return give_up();
        // Nothing is used of a log that may be older than the one remembered.
        if (reader.is_behind_memory() || !advance(stop)) listener.wait(options.poll, stop);
    }
}

// Records are small and read as soon as they are there; their objects come one version at a time.
void Subscriber::Parts::read_ahead(std::stop_token stop) {
    while (!stop.stop_requested() && !verdict && monotonic_s() >= next_read_s) {
        Result<Record> record = reader.next(stop);
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
        next_read_s = monotonic_s() + wait_after_s(error, 0);
        if (monotonic_s() >= next_memory_s) remember();
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
    history.add(std::move(record), reader.position().last_sha256);
    history.set_jump_signers(reader.jump_signers());
    const ChainPosition& position = reader.position();
    std::unique_lock lock(mutex);
    view = {.newest_version = position.version,
            .newest_trainer_step = position.trainer_step,
            .has_ended = position.has_ended,
            .cursors = position.cursors};
}

// Whoever has used a version takes no older log after a restart. A disk that is full stops nobody
// from playing.
void Subscriber::Parts::remember() {
    next_memory_s = monotonic_s() + kMemoryEvery_s;
    const Result<Done> kept = reader.remember();
    if (kept) return;
    if (kept.error().fault == Fault::untrusted) verdict = kept.error();
    told.tell_once(kept.error(), options.trust.memory.string(),
                   "going on; until it can be written, a restart may take an older log");
}

// Takes the replica one piece of its road further, or back to what it should be. False: nothing to
// do, or nothing that would work now.
bool Subscriber::Parts::advance(std::stop_token stop) {
    if (monotonic_s() < next_try_s) return false;
    const Road road = choose_road(stop);
    if (road.empty()) return false;
    const bool is_anchor = road.front()->kind == RecordKind::anchor;
    if (obstacle && is_anchor && held() >= 0) say(*obstacle, taking(road));
    remember();
    if (verdict) return false;
    {
        std::unique_lock lock(mutex);
        enter(SubscriberState::fetching);
    }
    CommitReport draft;
    Result<StagedVersion> next = loader.stage(road, pieces_at_once(road), draft, stop);
    if (next) replica.prepare(*next);
    {
        std::unique_lock lock(mutex);
        enter(next ? SubscriberState::staged : SubscriberState::waiting);
        if (next) {
            staged = std::move(*next);
            report = draft;
            staged_s = monotonic_s();
            has_staged.store(true, std::memory_order_release);
        }
    }
    if (!next) return !stop.stop_requested() && plan_after(next.error(), road, stop);
    return wait_for_commit(stop) && rescan(is_anchor);
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
    replica.follow_up(*staged);  // rescanning: it is this thread's again
    staged.reset();
    const bool is_full = options.full_rescan || is_whole;
    const std::size_t tiles =
        is_full ? table.tiles() : std::min(options.rescan_tiles, table.tiles());
    const Result<Done> found = replica.rescan(is_full ? 0 : first_rescan_tile, tiles);
    if (!is_full && table.tiles() > 0)
        first_rescan_tile = (first_rescan_tile + tiles) % table.tiles();
    if (events.rescanned)
        events.rescanned(replica.version(), tiles, found ? nullptr : &found.error());
    told.forget();
    obstacle.reset();
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
    search.begin_anew();  // what led here may be the only way back
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
        parts_->report.wait_ms = 1e3 * (monotonic_s() - parts_->staged_s);
    }
    const Stopwatch pause;
    parts_->replica.commit(*parts_->staged);
    CommitReport report = parts_->report;
    report.pause_ms = pause.ms();
    report.sync_ms = 1e3 * (wall_s() - parts_->staged->record.created_unix_s);

    std::unique_lock lock(parts_->mutex);
    // Words loaded whole are proven; damage to come is the next rescan's to find.
    if (!parts_->staged->next.empty()) parts_->is_damaged = false;
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
