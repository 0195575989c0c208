// Hands items from one thread to another. Full means the producer waits, so the slower side sets
// the pace and memory has a ceiling. Safe to call from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace dws {

template <class T>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

    // False when stop was asked for before there was room.
    bool push(T item, std::stop_token stop) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return items_.size() < capacity_; })) return false;
        items_.push_back(std::move(item));
        changed_.notify_all();
        return true;
    }

    // Empty when stop was asked for before there was an item.
    std::optional<T> pop(std::stop_token stop) {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !items_.empty(); })) return std::nullopt;
        T item = std::move(items_.front());
        items_.pop_front();
        changed_.notify_all();
        return item;
    }

    std::size_t size() const {
        std::unique_lock lock(mutex_);
        return items_.size();
    }

private:
    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<T> items_;  // guarded by mutex_
};

}  // namespace dws
