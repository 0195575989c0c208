// What a subscriber is made of, for its two files alone: subscriber.cpp (the thread, and what the
// generating thread may call) and subscriber_road.cpp (where to go next, and what to do when a road
// is broken).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "sync/doorbell.h"
#include "sync/road_search.h"
#include "sync/subscriber.h"
#include "sync/told_faults.h"
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
    RoadSearch search;
    VersionLoader loader;
    ToldFaults told;                 // since the last commit
    std::optional<Error> obstacle;   // what is waited for; told, and not over
    std::optional<Fault> log_fault;  // why the next record cannot be read; told, and not over
    std::optional<Error> verdict;    // the log is not to be trusted from here on
    double wait_s = 0;               // since the last try that failed; 0: it did not
    double next_try_s = 0;           // on monotonic_s(); no version is fetched before
    double next_read_s = 0;          // likewise; no record is asked for before
    double next_memory_s = 0;        // likewise; what only was read is not remembered before
    std::size_t first_rescan_tile = 0;

    mutable std::mutex mutex;
    std::condition_variable_any changed;
    SubscriberState state = SubscriberState::waiting;  // guarded by mutex
    LogView view;                                      // guarded by mutex
    std::optional<StagedVersion> staged;               // guarded by mutex
    CommitReport report;                               // guarded by mutex; of what is staged
    double staged_s = 0;                               // guarded by mutex; on monotonic_s(), since
    std::int64_t committed = -1;                       // guarded by mutex
    bool is_damaged = false;               // guarded by mutex; live words are not what they must be
    std::optional<Error> failure;          // guarded by mutex
    std::atomic<bool> has_staged = false;  // state == staged, for a cheap look
    std::jthread thread;                   // last member: joined first

    Parts(Bucket& bucket_, Replica& replica_, SubscriberOptions options_, SubscriberEvents events_);

    void run(std::stop_token stop);
    void read_ahead(std::stop_token stop);
    void accept(Record record);
    void remember();
    bool advance(std::stop_token stop);
    Road choose_road(std::stop_token stop);
    std::size_t pieces_at_once(const Road& road);
    bool plan_after(const Error& error, const Road& road, std::stop_token stop);
    bool is_live_damaged();
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

}  // namespace dws
