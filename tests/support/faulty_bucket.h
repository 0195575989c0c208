// A bucket in memory that misbehaves on request, one fault at a time or several: it is out of
// reach, it does the work and loses the answer, it cuts, flips or hides an object, it is slow.
// Without a request it is a correct bucket. Safe to call from several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sync/bucket/bucket.h"

namespace dws {

class FaultyBucket : public Bucket {
public:
    struct Counts {
        int puts = 0;  // put and put_if_absent
        int gets = 0;
        int lists = 0;
        int removes = 0;
    };

    // Every call fails with Fault::transport, nothing is done.
    void set_unreachable(bool is_unreachable) { is_unreachable_ = is_unreachable; }
    // The next calls fail so, then all is well.
    void fail_next_calls(int calls) { calls_to_fail_ = calls; }
    // The next put or put_if_absent whose key contains `part` writes, then fails with transport.
    void lose_answer_of(const std::string& part) {
        change([&] { lost_answers_.insert(part); });
    }
    // get() of the key delivers only the first bytes.
    void truncate(const std::string& key, std::size_t bytes) {
        change([&] { truncated_[key] = bytes; });
    }
    // get() of the key delivers one bit the other way round.
    void flip(const std::string& key, std::size_t bit) {
        change([&] { flipped_[key] = bit; });
    }
    // get() of the key answers missing; the key is still taken and listed.
    void hide(const std::string& key) {
        change([&] { hidden_.insert(key); });
    }
    // Ends truncation, flipping and hiding of the key.
    void heal(const std::string& key) {
        change([&] {
            truncated_.erase(key);
            flipped_.erase(key);
            hidden_.erase(key);
        });
    }
    // put_if_absent replaces what is there, as a store that ignores the condition does.
    void ignore_condition(bool ignores) { ignores_condition_ = ignores; }
    // Every call takes this much longer.
    void set_delay(std::chrono::milliseconds delay) { delay_ = delay; }

    Counts counts() {
        std::scoped_lock lock(mutex_);
        return counts_;
    }
    // How often get() was asked for the key.
    int gets_of(const std::string& key) {
        std::scoped_lock lock(mutex_);
        return gets_by_key_[key];
    }
    std::map<std::string, Bytes> objects() {
        std::scoped_lock lock(mutex_);
        return objects_;
    }

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        if (auto fault = begin(&Counts::puts, key)) return *fault;
        std::scoped_lock lock(mutex_);
        objects_[std::string(key)] = Bytes(object.begin(), object.end());
        if (loses_answer(key)) return unreachable(key);
        return Done{};
    }

    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        if (auto fault = begin(&Counts::puts, key)) return *fault;
        std::scoped_lock lock(mutex_);
        const bool is_taken = objects_.contains(std::string(key));
        if (!is_taken || ignores_condition_) {
            objects_[std::string(key)] = Bytes(object.begin(), object.end());
        }
        if (loses_answer(key)) return unreachable(key);
        return is_taken && !ignores_condition_ ? PutOutcome::existed : PutOutcome::created;
    }

    Result<Bytes> get(std::string_view key_view, ByteRange range) override {
        if (auto fault = begin(&Counts::gets, key_view)) return *fault;
        std::scoped_lock lock(mutex_);
        const std::string key(key_view);
        ++gets_by_key_[key];
        const auto found = objects_.find(key);
        if (found == objects_.end() || hidden_.contains(key)) {
            return Error{Fault::missing, "no object " + key};
        }
        Bytes object = found->second;
        if (truncated_.contains(key)) object.resize(std::min(object.size(), truncated_[key]));
        if (flipped_.contains(key) && flipped_[key] / 8 < object.size()) {
            object[flipped_[key] / 8] ^= std::byte{1} << (flipped_[key] % 8);
        }
        const std::size_t begin_byte = std::min<std::size_t>(range.offset, object.size());
        const std::size_t length = std::min<std::size_t>(range.length, object.size() - begin_byte);
        const auto first = object.begin() + static_cast<std::ptrdiff_t>(begin_byte);
        return Bytes(first, first + static_cast<std::ptrdiff_t>(length));
    }

    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        if (auto fault = begin(&Counts::lists, prefix)) return *fault;
        std::scoped_lock lock(mutex_);
        std::set<std::string> keys;
        for (const auto& [key, object] : objects_) {
            if (!key.starts_with(prefix)) continue;
            const std::size_t slash = key.find('/', prefix.size());
            if (what == Listing::objects)
                keys.insert(key);
            else if (slash != std::string::npos)
                keys.insert(key.substr(0, slash + 1));
        }
        return std::vector<std::string>(keys.begin(), keys.end());
    }

    Result<Done> remove(std::string_view key) override {
        if (auto fault = begin(&Counts::removes, key)) return *fault;
        std::scoped_lock lock(mutex_);
        objects_.erase(std::string(key));
        return Done{};
    }

private:
    template <class Change>
    void change(const Change& work) {
        std::scoped_lock lock(mutex_);
        work();
    }

    static Error unreachable(std::string_view key) {
        return Error{Fault::transport, "the bucket is out of reach for " + std::string(key)};
    }

    // Counts the call, waits, and says whether it fails before anything is done. Null: it does not.
    std::unique_ptr<Error> begin(int Counts::*counter, std::string_view key) {
        change([&] { ++(counts_.*counter); });
        std::this_thread::sleep_for(delay_.load());
        if (is_unreachable_) return std::make_unique<Error>(unreachable(key));
        if (calls_to_fail_.load() > 0 && calls_to_fail_-- > 0) {
            return std::make_unique<Error>(unreachable(key));
        }
        return nullptr;
    }

    // Called with the lock held.
    bool loses_answer(std::string_view key) {
        const auto part = std::find_if(lost_answers_.begin(), lost_answers_.end(), [&](auto& text) {
            return key.find(text) != std::string_view::npos;
        });
        if (part == lost_answers_.end()) return false;
        lost_answers_.erase(part);
        return true;
    }

    std::atomic<bool> is_unreachable_ = false;
    std::atomic<int> calls_to_fail_ = 0;
    std::atomic<bool> ignores_condition_ = false;
    std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds{0}};
    std::mutex mutex_;
    std::map<std::string, Bytes> objects_;          // guarded by mutex_
    std::set<std::string> lost_answers_;            // guarded by mutex_
    std::map<std::string, std::size_t> truncated_;  // guarded by mutex_
    std::map<std::string, std::size_t> flipped_;    // guarded by mutex_
    std::set<std::string> hidden_;                  // guarded by mutex_
    std::map<std::string, int> gets_by_key_;        // guarded by mutex_
    Counts counts_;                                 // guarded by mutex_
};

}  // namespace dws
