#include "sync/prefetch.h"

#include <algorithm>
#include <utility>

#include "base/require.h"

namespace dws {

Prefetch::Prefetch(ObjectSource fetch, std::size_t files_in_flight)
    : fetch_(std::move(fetch)), files_in_flight_(files_in_flight) {
    require(files_in_flight > 0, "nothing is fetched by no thread");
}

void Prefetch::expect(const std::vector<ObjectRef>& objects) {
    std::unique_lock lock(mutex_);
    std::deque<std::shared_ptr<Slot>> before = std::exchange(slots_, {});
    for (const ObjectRef& object : objects) {
        const auto same = std::find_if(before.begin(), before.end(), [&](const auto& slot) {
            const bool has_failed = slot->fetched && !*slot->fetched;
            return slot->object == object && !has_failed;
        });
        if (same == before.end()) {
            slots_.push_back(std::make_shared<Slot>(object));
            continue;
        }
        slots_.push_back(*same);
        before.erase(same);
    }
    // A single object is fetched by whoever takes it. The threads stay for the next road.
    const std::size_t useful = slots_.size() > 1 ? std::min(slots_.size(), files_in_flight_) : 0;
    while (threads_.size() < useful)
        threads_.emplace_back([this](std::stop_token stop) { run(stop); });
    changed_.notify_all();
}

Result<Bytes> Prefetch::take(const ObjectRef& object, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    const auto found = std::find_if(slots_.begin(), slots_.end(),
                                    [&](const auto& slot) { return slot->object == object; });
    const std::shared_ptr<Slot> slot = found == slots_.end() ? nullptr : *found;
    if (slot == nullptr || !slot->is_begun) {
        if (slot != nullptr) slots_.erase(found);
        lock.unlock();
        return fetch_(object);
    }
    const bool is_here = changed_.wait(lock, stop, [&] { return slot->fetched.has_value(); });
    if (!is_here) return Error{Fault::transport, "stopped"};
    std::erase(slots_, slot);
    changed_.notify_all();
    return *std::move(slot->fetched);
}

void Prefetch::run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    std::shared_ptr<Slot> slot;
    const auto has_work = [&] { return (slot = next_to_fetch()) != nullptr; };
    while (changed_.wait(lock, stop, has_work) && !stop.stop_requested()) {
        slot->is_begun = true;
        lock.unlock();
        Result<Bytes> fetched = fetch_(slot->object);
        lock.lock();
        slot->fetched.emplace(std::move(fetched));
        changed_.notify_all();
    }
}

// Null while as many as may be are on their way or wait.
std::shared_ptr<Prefetch::Slot> Prefetch::next_to_fetch() {
    std::size_t begun = 0;
    for (const auto& slot : slots_) {
        if (!slot->is_begun) return begun < files_in_flight_ ? slot : nullptr;
        ++begun;
    }
    return nullptr;
}

}  // namespace dws
