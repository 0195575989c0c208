#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/stop_signal.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/doorbell.h"
#include "sync/games/game_box.h"
#include "sync/games/game_hint.h"
#include "sync/games/game_signature.h"
#include "sync/games/outage_note.h"

namespace dws {
namespace {

// All are uploaded at once: at 50 ms to the bucket 80 groups a second instead of 20. More would
// only hide that the bucket is too slow, and widen the gap that a killed worker leaves.
constexpr std::size_t kGroupsOnTheirWay = 4;
constexpr double kRetryWait_s = 0.5;  // the bucket's own retries are spent by then

enum class Upload { waits, under_way, done };

struct Outgoing {
    GameGroup group;
    Upload state = Upload::waits;
};

}  // namespace

struct GameOutbox::Parts {
    Bucket& bucket;
    const std::string run;
    const std::string worker;
    const std::function<void(const Error&)> fault;
    const std::optional<Identity> signer;
    DoorbellRinger ringer;  // the ringing thread's

    std::mutex telling;  // held for a call of fault
    std::mutex mutex;    // never held for a call of the bucket or of fault
    std::condition_variable_any changed;
    std::deque<Outgoing> outgoing;         // guarded by mutex; the first is not done
    std::int64_t submitted = 0;            // guarded by mutex
    bool has_ended = false;                // guarded by mutex; the worker's name is somebody else's
    OutageNote outage;                     // guarded by mutex
    std::vector<std::int64_t> to_be_rung;  // guarded by mutex; the numbers

    std::stop_source ending;  // by us, or because the name is taken
    std::jthread ringing;
    std::vector<std::jthread> threads;  // last member: joined first

    Parts(Bucket& bucket_, std::string run_, std::string worker_, const DoorbellEnd& doorbell,
          std::function<void(const Error&)> fault_, std::optional<Identity> signer_)
        : bucket(bucket_),
          run(std::move(run_)),
          worker(std::move(worker_)),
          fault(std::move(fault_)),
          signer(std::move(signer_)),
          ringer(doorbell),
          ringing([this](std::stop_token stop) { ring_all(stop); }) {
        for (std::size_t thread = 0; thread < kGroupsOnTheirWay; ++thread)
            threads.emplace_back([this] { upload_all(ending.get_token()); });
    }
    ~Parts() { ending.request_stop(); }  // of all threads, before the first is waited for

    void upload_all(std::stop_token stop) {
        std::unique_lock lock(mutex);
        Outgoing* next = nullptr;  // stays good while others are appended and removed
        while (changed.wait(lock, stop, [&] { return (next = first_waiting()) != nullptr; }) &&
               !has_ended) {
            next->state = Upload::under_way;
            lock.unlock();
            const Result<Done> uploaded = upload(next->group, stop);
            lock.lock();
            if (!uploaded && uploaded.error().fault != Fault::superseded) return;  // stopped
            if (uploaded) {
                next->state = Upload::done;
                to_be_rung.push_back(next->group.number);
                while (!outgoing.empty() && outgoing.front().state == Upload::done)
                    outgoing.pop_front();
            }
            has_ended = has_ended || !uploaded;
            if (has_ended) ending.request_stop();
            changed.notify_all();
        }
    }

    // Called with the mutex held.
    Outgoing* first_waiting() {
        for (Outgoing& each : outgoing)
            if (each.state == Upload::waits) return &each;
        return nullptr;
    }

    // Until it is there; Fault::superseded when another object stands in its place, any other fault
    // when stop was requested.
    Result<Done> upload(const GameGroup& group, std::stop_token stop) {
        const Bytes bytes = signer ? sign_group(group, run, *signer) : encode_group(group);
        const std::string key = game_key(run, worker, group.number);
        while (true) {
            const std::uint64_t call = begin_call();
            const Result<Done> put = put_once(key, bytes);
            const bool is_final = put || put.error().fault == Fault::superseded;
            const bool is_told = note_answer(call, is_final) || (is_final && !put);
            if (is_told && fault) {
                std::scoped_lock lock(telling);
                fault(put.error());
            }
            if (is_final || sleep_or_stop(wait_after_s(put.error(), kRetryWait_s), stop))
                return put;
        }
    }

    std::uint64_t begin_call() {
        std::scoped_lock lock(mutex);
        return outage.begin();
    }
    // True when an outage begins.
    bool note_answer(std::uint64_t call, bool has_answered) {
        std::scoped_lock lock(mutex);
        if (!has_answered) return outage.failed();
        outage.answered(call);
        return false;
    }

    // What is in the bucket when stop is requested is rung for, too.
    void ring_all(std::stop_token stop) {
        std::unique_lock lock(mutex);
        while (true) {
            changed.wait(lock, stop, [&] { return !to_be_rung.empty(); });
            if (to_be_rung.empty()) return;
            const std::vector<std::int64_t> numbers = std::exchange(to_be_rung, {});
            lock.unlock();
            for (const std::int64_t number : numbers)
                ringer.ring("games", game_hint(worker, number));
            lock.lock();
        }
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
                       const DoorbellEnd& doorbell, std::function<void(const Error&)> fault,
                       std::optional<Identity> signer)
    : parts_(std::make_unique<Parts>(bucket, std::move(run), std::move(worker), doorbell,
                                     std::move(fault), std::move(signer))) {}

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
    const bool has_room = parts_->changed.wait(lock, stop, [&] {
        return parts_->has_ended || parts_->outgoing.size() < kGroupsOnTheirWay;
    });
    if (!has_room || parts_->has_ended) return false;
    group.number = parts_->submitted;
    parts_->submitted += 1;
    parts_->outgoing.push_back({.group = std::move(group)});
    parts_->changed.notify_all();
    return true;
}

bool GameOutbox::has_room() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->has_ended || parts_->outgoing.size() < kGroupsOnTheirWay;
}

std::int64_t GameOutbox::submitted() const {
    std::unique_lock lock(parts_->mutex);
    return parts_->submitted;
}

bool GameOutbox::flush(std::stop_token stop) {
    std::unique_lock lock(parts_->mutex);
    parts_->changed.wait(lock, stop, [&] { return parts_->has_ended || parts_->outgoing.empty(); });
    return parts_->outgoing.empty();
}

}  // namespace dws
