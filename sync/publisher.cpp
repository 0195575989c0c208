#include "sync/publisher.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/require.h"
#include "sync/version_writer.h"

namespace dws {
namespace {

// The writer before may still be at work; each try meets one of its records. It needs several calls
// to the bucket for a version and an epoch record one, so a few tries are enough.
constexpr int kEpochAttempts = 100;

const Error kStopped{Fault::transport, "stopped before it was committed"};

}  // namespace

struct Publisher::Parts {
    const PublisherEvents events;
    const bool is_compact;
    VersionWriter writer;  // the thread's

    std::mutex mutex;
    std::condition_variable_any changed;
    Pending pending;                     // guarded by mutex
    std::optional<EncodedStep> encoded;  // guarded by mutex; goes before what is pending
    std::optional<WholeVersion> anchor;  // guarded by mutex
    bool wants_end = false;              // guarded by mutex
    bool is_busy = false;                // guarded by mutex; the thread is on a record
    std::optional<Error> failure;        // guarded by mutex
    std::jthread thread;                 // last member: joined first

    Parts(PublisherEvents events_, bool is_compact_, VersionWriter writer_)
        : events(std::move(events_)),
          is_compact(is_compact_),
          writer(std::move(writer_)),
          thread([this](std::stop_token stop) { run(stop); }) {}

    // Called with the lock held.
    bool has_work() const { return anchor || encoded || has_pending() || wants_end; }

    // Called with the lock held. Decided games alone make a version without changes: workers that
    // have paused wait for those decisions.
    bool has_pending() const {
        return pending.steps > 0 || !pending.games.empty() || pending.is_rollback;
    }

    void run(std::stop_token stop) {
        while (true) {
            std::unique_lock lock(mutex);
            if (!changed.wait(lock, stop, [&] { return has_work(); }) || stop.stop_requested())
                return;
            is_busy = true;
            const Result<Done> done = write_next(lock, stop);
            is_busy = false;
            if (!done) failure = done.error();
            changed.notify_all();
            if (done) continue;
            lock.unlock();
            if (events.fault && !stop.stop_requested()) events.fault(done.error());
            return;
        }
    }

    // Takes what is there, with the lock held, and writes it without: later steps merge into the
    // version after this one meanwhile.
    Result<Done> write_next(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
        if (std::optional<WholeVersion> whole = std::exchange(anchor, std::nullopt))
            return unlocked(lock, [&] { return announce(writer.write_anchor(*whole, stop)); });
        if (std::optional<EncodedStep> step = std::exchange(encoded, std::nullopt))
            return unlocked(lock,
                            [&] { return announce(writer.write_delta(std::move(*step), stop)); });
        if (has_pending()) {
            Pending steps = std::exchange(pending, Pending{});
            return unlocked(lock,
                            [&] { return announce(writer.write_delta(std::move(steps), stop)); });
        }
        const Result<Done> ended = unlocked(lock, [&] { return writer.write_end(stop); });
        wants_end = false;
        return ended;
    }

    static Result<Done> unlocked(std::unique_lock<std::mutex>& lock,
                                 const std::function<Result<Done>()>& write) {
        lock.unlock();
        const Result<Done> done = write();
        lock.lock();
        return done;
    }

    Result<Done> announce(const Result<PublishedVersion>& published) const {
        if (!published) return published.error();
        if (events.published) events.published(*published);
        return Done{};
    }

    // False when the thread has ended before it had nothing left to do, or stop came first.
    bool wait_idle(std::stop_token stop) {
        std::unique_lock lock(mutex);
        const bool is_done =
            changed.wait(lock, stop, [&] { return failure || !(has_work() || is_busy); });
        return is_done && !failure;
    }

    Error failure_or_stopped() {
        std::unique_lock lock(mutex);
        return failure.value_or(kStopped);
    }
};

Publisher::Publisher(Bucket& bucket, const ArrayTable& table, PublisherOptions options,
                     PublisherEvents events, ChainWriter writer)
    : parts_(std::make_unique<Parts>(
          events, is_compact(options.encoding),
          VersionWriter(bucket, table, options, events.fault, std::move(writer)))) {}

Publisher::~Publisher() = default;

Result<std::unique_ptr<Publisher>> Publisher::start_new(Bucket& bucket, const ArrayTable& table,
                                                        PublisherOptions options,
                                                        PublisherEvents events) {
    const Result<Done> probed = probe_put_if_absent(bucket, options.run);
    if (!probed) return probed.error();
    const std::string first = log_key(options.run, 0);
    const Result<Bytes> found = bucket.get(first, {.offset = 0, .length = 1});
    if (found)
        return Error{Fault::superseded,
                     first + " exists already: resume that run or choose another name"};
    if (found.error().fault != Fault::missing) return found.error();
    ChainWriter writer(bucket, options.run, ChainPosition{}, 1, options.signer);
    return std::unique_ptr<Publisher>(
        new Publisher(bucket, table, std::move(options), std::move(events), std::move(writer)));
}

Result<std::unique_ptr<Publisher>> Publisher::resume(Bucket& bucket, const ArrayTable& table,
                                                     PublisherOptions options,
                                                     PublisherEvents events, ChainPosition position,
                                                     const ReadOn& read_on) {
    // The store may be another than the run began on: a copy, or behind another proxy.
    const Result<Done> probed = probe_put_if_absent(bucket, options.run);
    if (!probed) return probed.error();
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t epoch = position.epoch + 1;
        ChainWriter writer(bucket, options.run, std::move(position), epoch, options.signer);
        // Nothing is handed over before this returns, so the thread leaves the writer alone.
        std::unique_ptr<Publisher> publisher(
            new Publisher(bucket, table, options, events, std::move(writer)));
        const Result<Done> begun = publisher->parts_->writer.write_epoch();
        if (begun) return publisher;
        const bool is_late = begun.error().fault == Fault::superseded;
        if (!is_late || !read_on || attempt == kEpochAttempts) return begun.error();
        Result<ChainPosition> read = read_on();
        if (!read) return read.error();
        position = std::move(*read);
    }
}

Result<Done> Publisher::publish_anchor(std::span<const std::byte> words, std::int64_t trainer_step,
                                       std::vector<GamesConsumed> games, std::stop_token stop) {
    {
        std::unique_lock lock(parts_->mutex);
        if (parts_->failure) return *parts_->failure;
        parts_->anchor = WholeVersion{words, trainer_step, std::move(games)};
        parts_->changed.notify_all();
    }
    if (parts_->wait_idle(stop)) return Done{};
    if (stop.stop_requested()) {  // the words are the caller's again: nobody may read on
        parts_->thread.request_stop();
        parts_->thread.join();
        std::unique_lock lock(parts_->mutex);
        if (!parts_->failure) parts_->failure = kStopped;
    }
    return parts_->failure_or_stopped();
}

bool Publisher::hand_over(Pending step) {
    std::unique_lock lock(parts_->mutex);
    if (parts_->failure) return false;
    parts_->pending.merge(std::move(step));
    parts_->changed.notify_all();
    return true;
}

bool Publisher::is_idle() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->is_compact && !parts_->failure && !parts_->has_work() && !parts_->is_busy;
}

bool Publisher::hand_over(EncodedStep step) {
    std::unique_lock lock(parts_->mutex);
    if (parts_->failure) return false;
    // Its tiles are steps from the newest version's words.
    require(parts_->is_compact && !parts_->has_work() && !parts_->is_busy,
            "only an idle publisher takes an encoded step");
    parts_->encoded = std::move(step);
    parts_->changed.notify_all();
    return true;
}

bool Publisher::flush(std::stop_token stop) { return parts_->wait_idle(stop); }

Result<Done> Publisher::finish(std::stop_token stop) {
    if (!flush(stop)) return parts_->failure_or_stopped();
    {
        std::unique_lock lock(parts_->mutex);
        parts_->wants_end = true;
        parts_->changed.notify_all();
    }
    if (!parts_->wait_idle(stop)) return parts_->failure_or_stopped();
    return Done{};
}

std::optional<ChainPosition> Publisher::settled_position() const {
    std::unique_lock lock(parts_->mutex);
    if (parts_->failure || parts_->has_work() || parts_->is_busy) return std::nullopt;
    return parts_->writer.position();
}

std::optional<Error> Publisher::failure() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->failure;
}

std::uint64_t Publisher::pending_words() const {
    std::unique_lock lock(parts_->mutex);
    return count(parts_->pending.changes) + (parts_->encoded ? count(*parts_->encoded) : 0);
}

}  // namespace dws
