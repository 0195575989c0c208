#include "sync/ranks/rank_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/require.h"
#include "sync/sha256.h"

namespace dws {
namespace {

// Steps and the attempt they are cut for.
struct Attempt {
    Cut cut;
    Pending steps;
    bool may_have_receipt = false;  // it has been sent, or the sending was cut short
};

bool is_empty(const Pending& pending) { return pending.steps == 0 && pending.games.empty(); }

void check_shards(const ArrayTable& table, const ShardOptions& shard) {
    const std::string fault = shards_fault(table, shard.shards, shard.encoding);
    if (!fault.empty()) throw std::runtime_error(fault);
    if (shard.rank >= shard.shards.size())
        throw std::runtime_error(
            fmt::format("rank {} of {} has no shard", shard.rank, shard.shards.size()));
}

}  // namespace

struct RankPublisher::Parts {
    const RankEvents events;
    ShardWriter writer;                         // the thread's
    std::unique_ptr<ShardCommitter> committer;  // rank 0's, else null; the thread's while is_busy
    const std::uint64_t epoch;                  // of rank 0's records
    std::int64_t base_version;                  // the thread's: what its attempt builds on
    std::optional<Attempt> open;                // the thread's: its outcome is not known here

    mutable std::mutex mutex;
    std::condition_variable_any changed;
    Pending pending;                 // guarded by mutex; steps since the newest cut
    std::optional<Attempt> next;     // guarded by mutex; announced, not begun
    std::stop_source current;        // guarded by mutex; ends the attempt under way
    std::string newest_attempt;      // guarded by mutex
    std::int64_t committed;          // guarded by mutex
    std::int64_t open_version = -1;  // guarded by mutex; the version `open` is for; -1: none
    bool is_busy = false;            // guarded by mutex; the thread is on an attempt
    bool is_announced = false;       // guarded by mutex; rank 0: a cut that was not handed over
    std::optional<Error> failure;    // guarded by mutex
    std::jthread thread;             // last member: joined first

    Parts(RankEvents events_, ShardWriter writer_, std::unique_ptr<ShardCommitter> committer_,
          std::uint64_t epoch_, std::int64_t base_version_)
        : events(std::move(events_)),
          writer(std::move(writer_)),
          committer(std::move(committer_)),
          epoch(epoch_),
          base_version(base_version_),
          committed(base_version_) {}

    void start() {
        thread = std::jthread([this](std::stop_token stop) { run(stop); });
    }

    // Called with the lock held.
    bool is_open_committed() const { return open_version >= 0 && committed >= open_version; }

    void run(std::stop_token stop) {
        while (true) {
            std::unique_lock lock(mutex);
            const auto has_work = [&] { return next || is_open_committed(); };
            if (!changed.wait(lock, stop, has_work) || stop.stop_requested()) return;
            is_busy = true;
            const Result<Done> done = next ? take_part(lock, stop) : close(lock);
            is_busy = false;
            if (!done) failure = done.error();
            changed.notify_all();
            if (done) continue;
            lock.unlock();
            if (events.fault && !stop.stop_requested()) events.fault(done.error());
            return;
        }
    }

    // What was kept is in a version now. Called, and returns, with the lock held.
    Result<Done> close(std::unique_lock<std::mutex>& lock) {
        base_version = std::exchange(open_version, -1);
        const bool has_sent = open->may_have_receipt;
        const std::int64_t version = open->cut.version;
        lock.unlock();  // freeing the changes of a large shard takes a while
        open.reset();
        lock.lock();
        if (has_sent) return Done{};
        return Error{Fault::wrong_base,
                     fmt::format("version {} is said to be committed and this rank wrote no "
                                 "receipt for it",
                                 version)};
    }

    // Called, and returns, with the lock held.
    Result<Done> take_part(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
        if (is_open_committed()) {
            const Result<Done> closed = close(lock);
            if (!closed) return closed;
        }
        Attempt begun = *std::exchange(next, std::nullopt);
        current = std::stop_source();
        const std::stop_source ends = current;
        open_version = begun.cut.version;
        lock.unlock();
        const std::stop_callback stopping(stop, [ends]() mutable { ends.request_stop(); });
        Result<Done> done = begin(std::move(begun));
        if (done) done = write(ends.get_token(), stop);
        lock.lock();
        return done;
    }

    // The attempt before, if still open, was given up: its steps come before those of this one.
    Result<Done> begin(Attempt begun) {
        if (begun.cut.base_version != base_version)
            return Error{Fault::wrong_base,
                         fmt::format("version {} is cut on {}, this rank's steps follow on {}",
                                     begun.cut.version, begun.cut.base_version, base_version)};
        if (open) {
            open->steps.merge(std::move(begun.steps));
            begun.steps = std::move(open->steps);
        }
        open = std::move(begun);
        return Done{};
    }

    // ends: of this attempt, or of all.
    Result<Done> write(std::stop_token ends, std::stop_token stop) {
        const Result<ShardReceipt> receipt = writer.upload(open->steps, open->cut, ends);
        if (!receipt) return is_given_up(receipt.error(), ends, stop);
        open->may_have_receipt = true;
        const Result<Done> sent = writer.send(*receipt, ends);
        if (!sent) return is_given_up(sent.error(), ends, stop);
        return committer ? commit(stop) : Done{};
    }

    // A new cut ends the attempt before it: nothing is wrong then.
    static Result<Done> is_given_up(const Error& error, const std::stop_token& ends,
                                    const std::stop_token& stop) {
        const bool is_next_cut = ends.stop_requested() && !stop.stop_requested();
        if (error.fault == Fault::transport && is_next_cut) return Done{};
        return error;
    }

    Result<Done> commit(std::stop_token stop) {
        const Result<std::optional<Record>> record =
            committer->commit(open->cut, open->steps, stop);
        if (!record) return record.error();
        if (!*record) return Done{};
        if (events.committed) events.committed(**record);
        const std::scoped_lock lock(mutex);
        committed = (*record)->version;
        return Done{};
    }

    // Called with the lock held. A cut before this one that was not even begun has no receipt, so
    // its steps go into this one.
    bool accept(const Cut& cut) {
        newest_attempt = cut.attempt;
        is_announced = false;
        if (next && next->cut.base_version != cut.base_version) {
            failure = Error{Fault::wrong_base,
                            fmt::format("version {} is cut on {}, which this rank has not begun",
                                        cut.version, cut.base_version)};
            return false;
        }
        if (!next) next = Attempt{};
        next->cut = cut;
        next->steps.merge(std::exchange(pending, Pending{}));
        current.request_stop();
        return true;
    }
};

RankPublisher::RankPublisher(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
    parts_->start();
}

RankPublisher::~RankPublisher() = default;

Result<std::unique_ptr<RankPublisher>> RankPublisher::lead(Bucket& bucket, const ArrayTable& table,
                                                           ShardOptions shard,
                                                           ShardCommitOptions commit,
                                                           RankEvents events,
                                                           ChainPosition position) {
    check_shards(table, shard);
    require(shard.rank == 0 && shard.run == commit.run && shard.shards == commit.shards,
            "rank 0 commits what the ranks write");
    require(position.version >= 0, "an anchor stands before the ranks' first delta");
    const Result<Done> probed = probe_put_if_absent(bucket, shard.run);
    if (!probed) return probed.error();
    const std::uint64_t epoch = position.epoch + 1;
    const std::int64_t version = position.version;
    auto committer = std::make_unique<ShardCommitter>(
        bucket, table, commit, events.fault,
        ChainWriter(bucket, shard.run, std::move(position), epoch, commit.signer));
    const Result<Done> begun = committer->begin_epoch();
    if (!begun) return begun.error();
    ShardWriter writer(bucket, table, std::move(shard), events.fault);
    return std::unique_ptr<RankPublisher>(new RankPublisher(std::make_unique<Parts>(
        std::move(events), std::move(writer), std::move(committer), epoch, version)));
}

std::unique_ptr<RankPublisher> RankPublisher::follow(Bucket& bucket, const ArrayTable& table,
                                                     ShardOptions shard, RankEvents events,
                                                     std::int64_t base_version) {
    check_shards(table, shard);
    require(shard.rank > 0 && base_version >= 0, "rank 0 leads, the others follow a version");
    ShardWriter writer(bucket, table, std::move(shard), events.fault);
    return std::unique_ptr<RankPublisher>(new RankPublisher(std::make_unique<Parts>(
        std::move(events), std::move(writer), nullptr, std::uint64_t{0}, base_version)));
}

Announcement RankPublisher::announcement(bool may_cut) {
    require(parts_->committer != nullptr, "only rank 0 announces");
    const std::scoped_lock lock(parts_->mutex);
    Announcement said{.committed_version = parts_->committed, .cut = std::nullopt};
    const bool is_free =
        !parts_->is_busy && !parts_->next && !parts_->is_announced && !parts_->failure;
    if (!may_cut || !is_free) return said;
    said.cut = Cut{.epoch = parts_->epoch,
                   .version = parts_->committed + 1,
                   .base_version = parts_->committed,
                   .attempt = random_hex(16)};
    parts_->is_announced = true;
    return said;
}

bool RankPublisher::hand_over(Pending step, const Announcement& said) {
    const std::scoped_lock lock(parts_->mutex);
    if (parts_->failure) return false;
    parts_->pending.merge(std::move(step));
    parts_->committed = std::max(parts_->committed, said.committed_version);
    const bool is_new = said.cut && said.cut->attempt != parts_->newest_attempt;
    const bool is_taken = !is_new || parts_->accept(*said.cut);
    parts_->changed.notify_all();
    return is_taken;
}

bool RankPublisher::settle(std::stop_token stop) {
    std::unique_lock lock(parts_->mutex);
    const bool is_done = parts_->changed.wait(lock, stop, [&] {
        const bool is_idle = !parts_->next && !parts_->is_busy && !parts_->is_open_committed();
        return parts_->failure || is_idle;
    });
    return is_done && !parts_->failure;
}

bool RankPublisher::has_unpublished() const {
    const std::scoped_lock lock(parts_->mutex);
    const bool is_open = parts_->open_version > parts_->committed;
    return !is_empty(parts_->pending) || parts_->next || is_open;
}

std::int64_t RankPublisher::committed_version() const {
    const std::scoped_lock lock(parts_->mutex);
    return parts_->committed;
}

Result<Done> RankPublisher::finish(std::stop_token stop) {
    require(parts_->committer != nullptr, "only rank 0 ends the log");
    if (!settle(stop))
        return failure().value_or(Error{Fault::transport, "stopped before the run was ended"});
    require(!has_unpublished(), "a run ends when every step is in a version");
    return parts_->committer->write_end(stop);
}

std::optional<Error> RankPublisher::failure() const {
    const std::scoped_lock lock(parts_->mutex);
    return parts_->failure;
}

}  // namespace dws
