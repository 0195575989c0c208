#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/doorbell.h"
#include "sync/games/game_box.h"

namespace dws {
namespace {

// One is uploaded while the others wait; more would only hide that the bucket is too slow.
constexpr std::size_t kGroupsOnTheirWay = 4;
constexpr double kRetryWait_s = 0.5;  // the bucket's own retries are spent by then

}  // namespace

struct GameOutbox::Parts {
    Bucket& bucket;
    const std::string run;
    const std::string worker;
    const std::function<void(const Error&)> fault;
    DoorbellRinger ringer;  // the thread's

    std::mutex mutex;
    std::condition_variable_any changed;
    std::deque<GameGroup> groups;  // guarded by mutex; the first is being uploaded
    std::int64_t submitted = 0;    // guarded by mutex
    bool has_ended = false;        // guarded by mutex; the worker's name is somebody else's
    std::jthread thread;           // last member: joined first

    Parts(Bucket& bucket_, std::string run_, std::string worker_, const std::string& doorbell,
          std::function<void(const Error&)> fault_)
        : bucket(bucket_),
          run(std::move(run_)),
          worker(std::move(worker_)),
          fault(std::move(fault_)),
          ringer(doorbell),
          thread([this](std::stop_token stop) { upload_all(stop); }) {}

    void upload_all(std::stop_token stop) {
        while (true) {
            std::unique_lock lock(mutex);
            if (!changed.wait(lock, stop, [&] { return !groups.empty(); })) return;
            // References into a deque stay good while others are appended.
            const GameGroup& group = groups.front();
            lock.unlock();
            const bool is_there = upload(group, stop);
            if (!is_there && stop.stop_requested()) return;
            lock.lock();
            if (is_there) groups.pop_front();
            has_ended = !is_there;
            changed.notify_all();
            if (!is_there) return;
        }
    }

    // Until it is there, stop is requested, or another object stands in its place.
    bool upload(const GameGroup& group, std::stop_token stop) {
        const Bytes bytes = encode_group(group);
        const std::string key = game_key(run, worker, group.number);
        bool has_outage = false;
        while (true) {
            const Result<Done> put = put_once(key, bytes);
            if (put) break;
            const bool is_final = put.error().fault == Fault::superseded;
            if (fault && (is_final || !has_outage)) fault(put.error());
            if (is_final || sleep_or_stop(kRetryWait_s, stop)) return false;
            has_outage = true;
        }
        ringer.ring("games", "group " + std::to_string(group.number));
        return true;
    }

    // An object that exists with the same bytes is this one: an answer was lost on the way.
    Result<Done> put_once(const std::string& key, const Bytes& bytes) {
        const Result<PutOutcome> outcome = bucket.put_if_absent(key, bytes);
        if (!outcome) return outcome.error();
        if (*outcome == PutOutcome::created) return Done{};
        const Result<Bytes> found = bucket.get(key, {.offset = 0, .length = bytes.size() + 1});
        if (!found) return found.error();
        if (*found == bytes) return Done{};
        return Error{Fault::superseded,
                     key + " exists with other bytes: the worker's name is taken"};
    }
};

GameOutbox::GameOutbox(Bucket& bucket, std::string run, std::string worker,
                       const std::string& doorbell, std::function<void(const Error&)> fault)
    : parts_(std::make_unique<Parts>(bucket, std::move(run), std::move(worker), doorbell,
                                     std::move(fault))) {}

GameOutbox::~GameOutbox() = default;

bool GameOutbox::submit(GameGroup group, std::stop_token stop) {
    group.worker = parts_->worker;
    group.number = 0;  // until it has its place
    const std::string why = group_fault(group);
    if (!why.empty()) {
        if (parts_->fault) parts_->fault({Fault::corrupt, "group not sent: " + why});
        return true;
    }
    std::unique_lock lock(parts_->mutex);
    const bool has_room = parts_->changed.wait(
        lock, stop, [&] { return parts_->has_ended || parts_->groups.size() < kGroupsOnTheirWay; });
    if (!has_room || parts_->has_ended) return false;
    group.number = parts_->submitted;
    parts_->submitted += 1;
    parts_->groups.push_back(std::move(group));
    parts_->changed.notify_all();
    return true;
}

bool GameOutbox::has_room() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->has_ended || parts_->groups.size() < kGroupsOnTheirWay;
}

std::int64_t GameOutbox::submitted() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->submitted;
}

bool GameOutbox::flush(std::stop_token stop) {
    std::unique_lock lock(parts_->mutex);
    parts_->changed.wait(lock, stop, [&] { return parts_->has_ended || parts_->groups.empty(); });
    return parts_->groups.empty();
}

}  // namespace dws
