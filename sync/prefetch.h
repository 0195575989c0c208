// Objects that will be needed soon, fetched several at a time while the ones before them are
// decoded, staged or wait for their commit. They are taken in the order in which they were
// announced.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/fetch.h"
#include "sync/record.h"

namespace dws {

class Prefetch {
public:
    // fetch: one try, called from several threads at once. files_in_flight: as many objects at
    // most are being fetched or wait here; the one that was taken last comes on top of them.
    Prefetch(ObjectSource fetch, std::size_t files_in_flight);

    // What will be taken from now on, in this order, instead of what was announced before; an
    // object that is here or on its way and is still wanted stays so.
    void expect(const std::vector<ObjectRef>& objects);
    // Waits for the object; fetches it on this thread when no other does. Fault::transport also
    // when stopped while waiting. One thread takes.
    Result<Bytes> take(const ObjectRef& object, std::stop_token stop);

private:
    struct Slot {
        ObjectRef object;
        bool is_begun = false;
        std::optional<Result<Bytes>> fetched;
    };

    void run(std::stop_token stop);
    std::shared_ptr<Slot> next_to_fetch();  // with the lock held

    const ObjectSource fetch_;
    const std::size_t files_in_flight_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::shared_ptr<Slot>> slots_;  // guarded by mutex_; in the order of taking
    std::vector<std::jthread> threads_;        // last member: joined first
};

}  // namespace dws
