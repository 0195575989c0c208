// A bar for work that takes seconds or more: on standard error, and only when that is a terminal,
// so that logs and pipes stay clean. The line is drawn a few times a second and wiped at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/clock.h"

namespace dws {

class Progress {
public:
    enum class Unit { bytes, pieces };

    // what: "reading BASE"; total: of the whole work, 0 when not known.
    Progress(std::string what, std::uint64_t total, Unit unit = Unit::bytes);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // So much more is done. Any thread.
    void add(std::uint64_t amount);
    // Wipes the line, so that another can be printed.
    void wipe();

private:
    void draw();  // called with the lock held
    const std::string what_;
    const std::uint64_t total_;
    const Unit unit_;
    const bool is_shown_;
    const Stopwatch running_;
    std::mutex mutex_;
    std::uint64_t done_ = 0;  // guarded by mutex_
    double drawn_at_s_ = 0;   // guarded by mutex_
    bool has_drawn_ = false;  // guarded by mutex_
};

// What the library's long work asks after every piece: counts it and looks whether to stop.
// progress outlives it.
std::function<bool(std::uint64_t bytes)> piece_done(Progress& progress, std::stop_token stop);

// "1.23 GB", "512 bytes": decimal units, as disks and links are sold.
std::string human_bytes(double bytes);

// [########........] 52 %; share: 0 to 1.
std::string bar(double share, std::size_t width);

}  // namespace dws
