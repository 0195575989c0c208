#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <utility>

#include "base/bounded_queue.h"
#include "sync/doorbell.h"
#include "sync/games/game_box.h"

namespace dws {
namespace {

// Workers come with a fresh name at every start; a run of weeks sees hundreds.
constexpr std::size_t kMaxWorkers = 10'000;
// Of one worker before the next one's turn: its end is asked for once per visit, not per group.
constexpr int kGroupsPerVisit = 8;
// Most names are of workers long gone: who had nothing in so many rounds is asked in every eighth.
constexpr std::size_t kQuietRounds = 16;
constexpr std::size_t kRoundsPerVisit = 8;

// How a worker's numbers are followed.
struct Sender {
    std::int64_t next = 0;         // number to be fetched next
    std::size_t quiet_rounds = 0;  // visits in a row that found nothing
};

std::map<std::string, Sender> senders_from(const std::map<std::string, std::int64_t>& cursors) {
    std::map<std::string, Sender> senders;
    for (const auto& [worker, next] : cursors) senders[worker].next = next;
    return senders;
}

}  // namespace

struct GameInbox::Parts {
    Bucket& bucket;
    const std::string run;
    const std::chrono::milliseconds poll;
    const std::function<void(const Error&)> fault;

    // The thread's own.
    std::map<std::string, Sender> senders;  // by worker
    std::size_t round = 0;
    DoorbellListener listener;
    bool is_answering = true;  // the bucket, when last asked
    bool has_outage = false;   // reported, and no game was asked for with success since
    bool has_told_limit = false;

    std::atomic<std::size_t> workers = 0;
    BoundedQueue<ReceivedGroup> received;
    std::jthread thread;  // last member: joined first

    Parts(Bucket& bucket_, std::string run_, std::map<std::string, std::int64_t> cursors,
          const std::string& doorbell, std::chrono::milliseconds poll_, std::size_t capacity,
          std::function<void(const Error&)> fault_)
        : bucket(bucket_),
          run(std::move(run_)),
          poll(poll_),
          fault(std::move(fault_)),
          senders(senders_from(cursors)),
          listener(doorbell, "games"),
          workers(senders.size()),
          received(capacity),
          thread([this](std::stop_token stop) { receive_all(stop); }) {}

    void receive_all(std::stop_token stop) {
        bool was_rung = true;
        while (!stop.stop_requested()) {
            if (discover()) {
                bool has_received = receive_round(was_rung, stop);
                while (has_received) has_received = receive_round(false, stop);
            }
            was_rung = listener.wait(poll, stop);
        }
    }

    // Looks for workers not seen before. False: the bucket does not answer.
    bool discover() {
        const std::string prefix = run + "/games/";
        const Result<std::vector<std::string>> folders = bucket.list(prefix, Listing::folders);
        if (!folders) return tell(folders.error());
        is_answering = true;
        if (senders.empty()) has_outage = false;
        for (const std::string& folder : *folders) {
            const std::string worker =
                folder.substr(prefix.size(), folder.size() - prefix.size() - 1);
            const bool is_name = is_valid_key(worker) && worker.size() <= kMaxWorkerName;
            if (!is_name || senders.contains(worker)) continue;
            if (senders.size() >= kMaxWorkers) {
                tell_limit(worker);
                break;
            }
            senders.try_emplace(worker);
        }
        workers = senders.size();
        return true;
    }

    // A few groups of every worker that has some, so that no worker waits long for another. False
    // when nobody had any, the bucket does not answer, or stop was requested. is_for_all: asks the
    // quiet ones too.
    bool receive_round(bool is_for_all, std::stop_token stop) {
        bool has_received = false;
        std::size_t turn = round++;
        for (auto& [worker, sender] : senders) {
            const bool is_its_turn = turn++ % kRoundsPerVisit == 0;  // spread over the rounds
            if (!is_for_all && !is_its_turn && sender.quiet_rounds >= kQuietRounds) continue;
            const std::int64_t first = sender.next;
            if (!receive_from(worker, sender, stop)) return false;
            const bool is_quiet = sender.next == first;
            sender.quiet_rounds = is_quiet ? sender.quiet_rounds + 1 : 0;
            has_received = has_received || !is_quiet;
        }
        return has_received;
    }

    // False when the bucket does not answer or stop was requested.
    bool receive_from(const std::string& worker, Sender& sender, std::stop_token stop) {
        for (int visit = 0; visit < kGroupsPerVisit; ++visit) {
            if (stop.stop_requested()) return false;
            std::optional<ReceivedGroup> group = fetch(worker, sender.next);
            if (!is_answering) return false;
            if (!group) return true;
            if (!received.push(std::move(*group), stop)) return false;
            sender.next += 1;
        }
        return true;
    }

    // Empty: not there yet, or an outage.
    std::optional<ReceivedGroup> fetch(const std::string& worker, std::int64_t number) {
        ReceivedGroup received_group{.worker = worker, .number = number, .group = {}, .error = {}};
        // Twice: bytes damaged on the way come right with the second try.
        for (int attempt = 0; attempt < 2; ++attempt) {
            Result<GameGroup> group = fetch_once(worker, number);
            const bool has_answered = group || group.error().fault == Fault::missing ||
                                      group.error().fault == Fault::corrupt;
            if (has_answered) has_outage = false;
            if (group) {
                received_group.group = std::move(*group);
                received_group.error.reset();
                return received_group;
            }
            if (group.error().fault == Fault::missing) return std::nullopt;
            if (!has_answered) {
                tell(group.error());
                return std::nullopt;
            }
            received_group.error = group.error();
        }
        return received_group;
    }

    Result<GameGroup> fetch_once(const std::string& worker, std::int64_t number) {
        const std::string key = game_key(run, worker, number);
        const Result<Bytes> bytes = bucket.get(key, {.offset = 0, .length = kMaxGroupBytes + 1});
        if (!bytes) return bytes.error();
        Result<GameGroup> group = decode_group(*bytes);
        if (!group) return Error{Fault::corrupt, key + ": " + group.error().detail};
        if (group->worker != worker || group->number != number)
            return Error{Fault::corrupt, fmt::format("{}: it says it is group {} of {}", key,
                                                     group->number, group->worker)};
        return group;
    }

    void tell_limit(const std::string& worker) {
        if (!has_told_limit && fault)
            fault({Fault::corrupt,
                   fmt::format("{}/games/ has more than {} workers: the games of {} and of others "
                               "are not read; remove the folders of workers that are gone",
                               run, kMaxWorkers, worker)});
        has_told_limit = true;
    }

    // Always false, for the caller to return.
    bool tell(const Error& error) {
        if (!has_outage && fault) fault(error);
        is_answering = false;
        has_outage = true;
        return false;
    }
};

GameInbox::GameInbox(Bucket& bucket, std::string run, std::map<std::string, std::int64_t> cursors,
                     const std::string& doorbell, std::chrono::milliseconds poll,
                     std::size_t capacity, std::function<void(const Error&)> fault)
    : parts_(std::make_unique<Parts>(bucket, std::move(run), std::move(cursors), doorbell, poll,
                                     capacity, std::move(fault))) {}

GameInbox::~GameInbox() = default;

std::optional<ReceivedGroup> GameInbox::pop(std::stop_token stop) {
    return parts_->received.pop(stop);
}

std::size_t GameInbox::waiting() const { return parts_->received.size(); }

std::size_t GameInbox::workers() const { return parts_->workers; }

}  // namespace dws
