#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <utility>

#include "base/bounded_queue.h"
#include "sync/doorbell.h"
#include "sync/game_box.h"

namespace dws {
namespace {

// Workers come with a fresh name at every start; a run of weeks sees hundreds.
constexpr std::size_t kMaxWorkers = 10'000;

}  // namespace

struct GameInbox::Parts {
    Bucket& bucket;
    const std::string run;
    const std::chrono::milliseconds poll;
    const std::function<void(const Error&)> fault;

    // The thread's own.
    std::map<std::string, std::int64_t> next_numbers;  // worker -> number to be fetched next
    DoorbellListener listener;
    bool is_answering = true;  // the bucket, when last asked
    bool has_outage = false;   // reported, and no game was asked for with success since

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
          next_numbers(std::move(cursors)),
          listener(doorbell, "games"),
          workers(next_numbers.size()),
          received(capacity),
          thread([this](std::stop_token stop) { receive_all(stop); }) {}

    void receive_all(std::stop_token stop) {
        while (!stop.stop_requested()) {
            if (discover())
                while (receive_round(stop)) continue;
            listener.wait(poll, stop);
        }
    }

    // Looks for workers not seen before. False: the bucket does not answer.
    bool discover() {
        const std::string prefix = run + "/games/";
        const Result<std::vector<std::string>> folders = bucket.list(prefix, Listing::folders);
        if (!folders) return tell(folders.error());
        is_answering = true;
        if (next_numbers.empty()) has_outage = false;
        for (const std::string& folder : *folders) {
            const std::string worker =
                folder.substr(prefix.size(), folder.size() - prefix.size() - 1);
            const bool is_name = is_valid_key(worker) && worker.size() <= kMaxWorkerName;
            if (is_name && next_numbers.size() < kMaxWorkers) next_numbers.try_emplace(worker, 0);
        }
        workers = next_numbers.size();
        return true;
    }

    // One group of every worker that has one, so that no worker waits for another. False when
    // nobody had any, the bucket does not answer, or stop was requested.
    bool receive_round(std::stop_token stop) {
        bool has_received = false;
        for (auto& [worker, number] : next_numbers) {
            if (stop.stop_requested()) return false;
            std::optional<ReceivedGroup> group = fetch(worker, number);
            if (!is_answering) return false;
            if (!group) continue;
            if (!received.push(std::move(*group), stop)) return false;
            number += 1;
            has_received = true;
        }
        return has_received;
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
