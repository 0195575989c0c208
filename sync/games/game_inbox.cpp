#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/doorbell.h"
#include "sync/games/game_box.h"
#include "sync/games/game_fetch_plan.h"
#include "sync/games/game_hint.h"
#include "sync/games/game_signature.h"
#include "sync/games/outage_note.h"

namespace dws {
namespace {

// Workers come with a fresh name at every start; a run of weeks sees hundreds.
constexpr std::size_t kMaxWorkers = 10'000;
// Of all workers. At 50 ms to the bucket 320 groups a second; a group of 16 games of 1,000 tokens
// has 0.5 MB, so there it fills a line of 1 Gbit/s.
constexpr std::size_t kCallsUnderWay = 16;
// A store answers a listing by the thousand. One such answer per poll, however many there are.
constexpr std::size_t kFoldersPerPoll = 1'000;

double seconds(std::chrono::milliseconds time) { return 1e-3 * static_cast<double>(time.count()); }

// Of the keys those that are some group's of the worker.
std::vector<std::int64_t> group_numbers(const std::vector<std::string>& keys,
                                        const std::string& run, const std::string& worker,
                                        std::size_t prefix) {
    std::vector<std::int64_t> numbers;
    for (const std::string& key : keys) {
        std::int64_t number = -1;
        std::from_chars(key.data() + prefix, key.data() + key.size(), number);
        if (number >= 0 && key == game_key(run, worker, number)) numbers.push_back(number);
    }
    return numbers;
}

}  // namespace

struct GameInbox::Parts {
    Bucket& bucket;
    const std::string run;
    const std::chrono::milliseconds poll;
    const std::function<void(const Error&)> fault;
    const std::vector<PublicIdentity> signers;
    const std::size_t capacity;

    // The discovering thread's own.
    DoorbellListener listener;
    double list_due_s = 0;
    bool has_told_limit = false;
    bool has_list_outage = false;  // the last listing was not answered

    std::mutex telling;        // held for a call of fault
    mutable std::mutex mutex;  // never held for a call of the bucket or of fault
    std::condition_variable_any changed;
    FetchPlan plan;               // guarded by mutex
    OutageNote outage;            // guarded by mutex
    std::size_t news = 0;         // guarded by mutex; +1 when there may be more to ask
    bool has_timekeeper = false;  // guarded by mutex; one of those that wait wakes by the clock
    BoundedQueue<ReceivedGroup> received;  // filled under mutex, and never more than it has room

    std::stop_source ending;
    std::vector<std::jthread> threads;  // last member: joined first

    Parts(Bucket& bucket_, std::string run_, const std::map<std::string, std::int64_t>& cursors,
          const DoorbellEnd& doorbell, std::chrono::milliseconds poll_, std::size_t capacity_,
          std::function<void(const Error&)> fault_, std::vector<PublicIdentity> signers_,
          std::chrono::milliseconds gap)
        : bucket(bucket_),
          run(std::move(run_)),
          poll(poll_),
          fault(std::move(fault_)),
          signers(std::move(signers_)),
          capacity(capacity_),
          listener(doorbell, "games"),
          plan(cursors, seconds(poll_), seconds(gap), monotonic_s()),
          received(capacity_) {
        threads.emplace_back([this] { discover_all(ending.get_token()); });
        for (std::size_t thread = 0; thread < kCallsUnderWay; ++thread)
            threads.emplace_back([this] { fetch_all(ending.get_token()); });
    }
    ~Parts() { ending.request_stop(); }  // of all threads, before the first is waited for

    // New workers come by listing, or by a ring that names them; others fetch meanwhile.
    void discover_all(std::stop_token stop) {
        while (!stop.stop_requested()) {
            if (monotonic_s() >= list_due_s) discover();
            const double wait_s = std::clamp(list_due_s - monotonic_s(), 0.0, seconds(poll));
            const auto wait =
                std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(wait_s));
            for (const std::string& hint : listener.hear(wait, stop)) hear(worker_of_hint(hint));
        }
    }

    void hear(const std::string& worker) {
        std::scoped_lock lock(mutex);
        plan.rung(worker, monotonic_s());
        if (!plan.knows(worker)) list_due_s = 0;
        wake();
    }

    void discover() {
        const std::string prefix = run + "/games/";
        const std::uint64_t call = begin_call();
        const Result<std::vector<std::string>> folders = bucket.list(prefix, Listing::folders);
        const std::size_t polls = folders ? 1 + folders->size() / kFoldersPerPoll : 1;
        const double usual_s = static_cast<double>(polls) * seconds(poll);
        list_due_s = monotonic_s() + (folders ? usual_s : wait_after_s(folders.error(), usual_s));
        const bool is_told = std::exchange(has_list_outage, !folders);
        if (!folders && !is_told) tell_outage(folders.error());
        if (!folders) return;
        const std::string left_out = add_workers(*folders, prefix.size(), call);
        if (!left_out.empty()) tell_limit(left_out);
    }

    // prefix: letters before a worker's name. Returns a worker that there is no place for, if any.
    std::string add_workers(const std::vector<std::string>& folders, std::size_t prefix,
                            std::uint64_t call) {
        std::scoped_lock lock(mutex);
        if (plan.workers() == 0) outage.answered(call);  // else a get says so
        wake();
        for (const std::string& folder : folders) {
            const std::string worker = folder.substr(prefix, folder.size() - prefix - 1);
            const bool is_name = is_valid_key(worker) && worker.size() <= kMaxWorkerName;
            if (!is_name || plan.knows(worker)) continue;
            if (plan.workers() >= kMaxWorkers) return worker;
            plan.add(worker, monotonic_s());
        }
        return "";
    }

    void fetch_all(std::stop_token stop) {
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
            const std::optional<GameAsk> ask = plan.next_ask(monotonic_s(), room());
            if (!ask) {
                wait_for_news(lock, stop);
                continue;
            }
            const std::uint64_t call = outage.begin();
            wake();  // there may be another one to ask, for another thread
            lock.unlock();
            const std::optional<Error> failure =
                ask->what == GameAsk::What::group ? ask_group(*ask, call) : list_folder(*ask, call);
            if (failure) tell_outage(*failure);
            lock.lock();
        }
    }

    // Called with the mutex held. What is under way or kept has its place in the queue already.
    std::size_t room() const {
        const std::size_t taken = received.size() + plan.groups();
        return taken < capacity ? capacity - taken : 0;
    }

    // Called with the mutex held: one thread looks again.
    void wake() {
        news += 1;
        changed.notify_one();
    }

    // One of all that wait is the timekeeper and looks again when something is due, after one poll
    // at the latest; what is due is never sooner than that when nobody wakes it.
    void wait_for_news(std::unique_lock<std::mutex>& lock, std::stop_token stop) {
        const auto has_news = [this, seen = news] { return news != seen; };
        if (has_timekeeper) {
            changed.wait(lock, stop, has_news);
            return;
        }
        has_timekeeper = true;
        const double due_s = room() == 0 ? monotonic_s() + seconds(poll) : plan.next_due_s();
        const double wait_s = std::clamp(due_s - monotonic_s(), 0.0, seconds(poll));
        changed.wait_for(lock, stop, std::chrono::duration<double>(wait_s), has_news);
        has_timekeeper = false;
    }

    // The reason when nobody answered.
    std::optional<Error> ask_group(const GameAsk& ask, std::uint64_t call) {
        Result<ReceivedGroup> answer = fetch(ask.worker, ask.number);
        const bool has_answered = answer || answer.error().fault == Fault::missing;
        std::scoped_lock lock(mutex);
        if (!has_answered) {
            plan.unanswered(ask, monotonic_s(), wait_after_s(answer.error(), 0));
            return answer.error();
        }
        outage.answered(call);
        for (ReceivedGroup& group : answer ? plan.found(std::move(*answer), monotonic_s())
                                           : plan.missing(ask, monotonic_s()))
            received.push(std::move(group), {});
        return std::nullopt;
    }

    std::optional<Error> list_folder(const GameAsk& ask, std::uint64_t call) {
        const std::string prefix = fmt::format("{}/games/{}/", run, ask.worker);
        const Result<std::vector<std::string>> keys = bucket.list(prefix, Listing::objects);
        std::scoped_lock lock(mutex);
        if (!keys) {
            plan.unanswered(ask, monotonic_s(), wait_after_s(keys.error(), 0));
            return keys.error();
        }
        outage.answered(call);
        plan.listed(ask, group_numbers(*keys, run, ask.worker, prefix.size()), monotonic_s());
        return std::nullopt;
    }

    // Fault::missing: not there yet, any other: an outage. What came and is no good is a group with
    // its error.
    Result<ReceivedGroup> fetch(const std::string& worker, std::int64_t number) {
        ReceivedGroup group{.worker = worker, .number = number, .group = {}, .error = {}};
        // Twice: bytes damaged on the way come right with the second try.
        for (int attempt = 0; attempt < 2; ++attempt) {
            Result<GameGroup> fetched = fetch_once(worker, number);
            if (fetched) {
                group.group = std::move(*fetched);
                group.error.reset();
                break;
            }
            const Fault fault_found = fetched.error().fault;
            if (fault_found != Fault::corrupt && fault_found != Fault::untrusted)
                return fetched.error();
            group.error = fetched.error();
        }
        return group;
    }

    Result<GameGroup> fetch_once(const std::string& worker, std::int64_t number) {
        const std::string key = game_key(run, worker, number);
        const Result<Bytes> bytes = bucket.get(key, {.offset = 0, .length = kMaxGroupBytes + 1});
        // A store that refuses us says nothing of the group, which may not even be there.
        if (!bytes && bytes.error().fault == Fault::untrusted)
            return Error{Fault::transport, bytes.error().detail, bytes.error().retry_after_s};
        if (!bytes) return bytes.error();
        Result<GameGroup> group = decode_group(*bytes);
        if (!group) return Error{Fault::corrupt, key + ": " + group.error().detail};
        if (group->worker != worker || group->number != number)
            return Error{Fault::corrupt, fmt::format("{}: it says it is group {} of {}", key,
                                                     group->number, group->worker)};
        const std::string why = group_signature_fault(*bytes, *group, run, signers);
        if (!why.empty()) return Error{Fault::untrusted, fmt::format("{}: the group {}", key, why)};
        return group;
    }

    void tell_limit(const std::string& worker) {
        if (has_told_limit || !fault) return;
        has_told_limit = true;
        std::scoped_lock lock(telling);
        fault({Fault::corrupt,
               fmt::format("{}/games/ has more than {} workers: the games of {} and of others "
                           "are not read; remove the folders of workers that are gone",
                           run, kMaxWorkers, worker)});
    }

    std::uint64_t begin_call() {
        std::scoped_lock lock(mutex);
        return outage.begin();
    }

    void tell_outage(const Error& error) {
        {
            std::scoped_lock lock(mutex);
            if (!outage.failed()) return;
        }
        if (!fault) return;
        std::scoped_lock lock(telling);
        fault(error);
    }
};

GameInbox::GameInbox(Bucket& bucket, std::string run, std::map<std::string, std::int64_t> cursors,
                     const DoorbellEnd& doorbell, std::chrono::milliseconds poll,
                     std::size_t capacity, std::function<void(const Error&)> fault,
                     std::vector<PublicIdentity> signers, std::chrono::milliseconds gap)
    : parts_(std::make_unique<Parts>(bucket, std::move(run), cursors, doorbell, poll, capacity,
                                     std::move(fault), std::move(signers), gap)) {}

GameInbox::~GameInbox() = default;

std::optional<ReceivedGroup> GameInbox::pop(std::stop_token stop) {
    std::optional<ReceivedGroup> group = parts_->received.pop(stop);
    std::scoped_lock lock(parts_->mutex);
    parts_->wake();
    return group;
}

std::size_t GameInbox::waiting() const { return parts_->received.size(); }

std::size_t GameInbox::workers() const {
    std::scoped_lock lock(parts_->mutex);
    return parts_->plan.workers();
}

}  // namespace dws
