#include "sync/tool/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace dws {
namespace {

constexpr double kRedraw_s = 0.1;
constexpr double kFirstDraw_s = 0.3;  // work that is done sooner needs no bar
constexpr std::size_t kBarWidth = 24;

bool is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string amount(double done, Progress::Unit unit) {
    return unit == Progress::Unit::bytes ? human_bytes(done) : fmt::format("{:.0f}", done);
}

}  // namespace

std::string human_bytes(double bytes) {
    constexpr std::array<const char*, 4> kUnits{"kB", "MB", "GB", "TB"};
    if (bytes < 1e3) return fmt::format("{:.0f} bytes", bytes);
    std::size_t unit = 0;
    for (bytes /= 1e3; bytes >= 999.5 && unit + 1 < kUnits.size(); ++unit) bytes /= 1e3;
    return fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}

std::string bar(double share, std::size_t width) {
    const double filled = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
    const auto marks = static_cast<std::size_t>(filled + 0.5);
    return "[" + std::string(marks, '#') + std::string(width - marks, '.') + "]";
}

std::function<bool(std::uint64_t bytes)> piece_done(Progress& progress, std::stop_token stop) {
    return [&progress, stop = std::move(stop)](std::uint64_t bytes) {
        progress.add(bytes);
        return !stop.stop_requested();
    };
}

Progress::Progress(std::string what, std::uint64_t total, Unit unit)
    : what_(std::move(what)), total_(total), unit_(unit), is_shown_(is_terminal()) {}

Progress::~Progress() { wipe(); }

void Progress::wipe() {
    const std::scoped_lock lock(mutex_);
    if (!has_drawn_) return;
    has_drawn_ = false;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
}

void Progress::add(std::uint64_t amount) {
    if (!is_shown_) return;
    const std::scoped_lock lock(mutex_);
    done_ += amount;
    const double now_s = running_.seconds();
    if (now_s < (has_drawn_ ? drawn_at_s_ + kRedraw_s : kFirstDraw_s)) return;
    drawn_at_s_ = now_s;
    has_drawn_ = true;
    draw();
}

void Progress::draw() {
    const auto done = static_cast<double>(done_);
    const double per_s = done / running_.seconds();
    std::string line = what_ + " ";
    if (total_ > 0) {
        const double share = std::min(1.0, done / static_cast<double>(total_));
        line += fmt::format("{} {:3.0f} % of {}", bar(share, kBarWidth), 1e2 * share,
                            amount(static_cast<double>(total_), unit_));
    } else {
        line += amount(done, unit_);
    }
    line += fmt::format(", {}/s", amount(per_s, unit_));
    if (total_ > 0 && per_s > 0)
        line += fmt::format(", {:.0f} s left",
                            std::max(0.0, static_cast<double>(total_) - done) / per_s);
    fmt::print(stderr, "\r\x1b[K{}", line);
    std::fflush(stderr);
}

}  // namespace dws
