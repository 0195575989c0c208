#include "experiments/wire/measure.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <stdexcept>

#include "base/clock.h"
#include "base/require.h"
#include "sync/parallel.h"

namespace dws {

namespace {

double seconds_on(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void check_same(const VersionPair& pair, const WireFormat& format, const Bytes& words) {
    if (words == pair.next) return;
    throw std::runtime_error(format.name() + ": other words than the next version's (" +
                             pair.label + ")");
}

}  // namespace

Timing& Timing::operator+=(const Timing& other) {
    wall_s += other.wall_s;
    cpu_s += other.cpu_s;
    return *this;
}

Timing time_of(std::size_t threads, const std::function<void()>& work) {
    const double process_before_s = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    const double own_before_s = seconds_on(CLOCK_THREAD_CPUTIME_ID);
    const Stopwatch stopwatch;
    work();
    const double wall_s = stopwatch.seconds();
    const double own_s = seconds_on(CLOCK_THREAD_CPUTIME_ID) - own_before_s;
    const double others_s = seconds_on(CLOCK_PROCESS_CPUTIME_ID) - process_before_s - own_s;
    const double helper_s = threads > 1 ? others_s / static_cast<double>(threads - 1) : 0;
    return {.wall_s = wall_s, .cpu_s = std::max(own_s, helper_s)};
}

Timing median(std::vector<Timing> timings) {
    require(!timings.empty(), "a median is of something");
    const auto middle = [&](double Timing::*field) {
        std::vector<double> values;
        for (const Timing& timing : timings) values.push_back(timing.*field);
        const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), at, values.end());
        return *at;
    };
    return {.wall_s = middle(&Timing::wall_s), .cpu_s = middle(&Timing::cpu_s)};
}

void copy_words(std::span<const std::byte> from, std::span<std::byte> to, std::size_t threads) {
    const std::size_t part = (from.size() + threads - 1) / threads;
    for_each_piece(threads, threads, [&](std::size_t, std::size_t index) {
        const std::size_t start = std::min(index * part, from.size());
        std::memcpy(to.data() + start, from.data() + start, std::min(part, from.size() - start));
    });
}

FormatTimings& FormatTimings::operator+=(const FormatTimings& other) {
    for (std::size_t index = 0; index < 2; ++index) {
        copy[index] += other.copy[index];
        encode[index] += other.encode[index];
        patch[index] += other.patch[index];
    }
    return *this;
}

FormatTimings measure(const VersionPair& pair, WireFormat& format, std::size_t rounds,
                      Bytes& words) {
    require(rounds > 0, "one round at least");
    words.resize(pair.base.size());
    for (const std::size_t threads : {2, 1}) {  // also lets buffers grow to their size
        copy_words(pair.base, words, 1);
        format.encode(pair, threads);
        format.patch(pair, words, threads);
        check_same(pair, format, words);
    }
    std::vector<Timing> copies[2], encodes[2], patches[2];
    for (std::size_t round = 0; round < rounds; ++round) {
        for (const std::size_t threads : {1, 2}) {
            const std::size_t index = threads - 1;
            copies[index].push_back(
                time_of(threads, [&] { copy_words(pair.base, words, threads); }));
            patches[index].push_back(time_of(threads, [&] { format.patch(pair, words, threads); }));
            encodes[index].push_back(time_of(threads, [&] { format.encode(pair, threads); }));
        }
    }
    check_same(pair, format, words);
    FormatTimings timings;
    for (std::size_t index = 0; index < 2; ++index) {
        timings.copy[index] = median(copies[index]);
        timings.encode[index] = median(encodes[index]);
        timings.patch[index] = median(patches[index]);
    }
    return timings;
}

}  // namespace dws
