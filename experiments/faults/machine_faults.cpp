// Machines that are wrong about the time, full, or stopped for long.
#include <signal.h>
#include <sys/mount.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "experiments/faults/scenario.h"

namespace dws {
namespace {

constexpr double kAlmostAnHour_s = 3'500;

// Debian's package has it in a folder named for the processor. Empty: it is not installed.
std::string fake_time_library() {
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib")) {
        const std::filesystem::path file = entry.path() / "faketime/libfaketime.so.1";
        if (std::filesystem::exists(file)) return file.string();
    }
    return "";
}

// One process after the other lives an hour ahead or behind.
class WrongClock : public Round {
public:
    void prepare(ArenaPlan&) override {
        library_ = fake_time_library();
        if (library_.empty()) throw NotPossible("an hour's skew takes Debian's package faketime");
    }
    Trouble repeat(Arena& arena, Dice& dice) override {
        const std::vector<std::string> skewed{
            "env", "LD_PRELOAD=" + library_, dice.chance(0.5) ? "FAKETIME=+3600" : "FAKETIME=-3600",
            "FAKETIME_DONT_FAKE_MONOTONIC=1"};
        RunSystem& system = arena.system();
        std::string wrong = arena.trainer;
        if (dice.chance(0.5)) {
            system.kill(arena.trainer);
            system.start_trainer(arena.trainer, "--resume", skewed);
        } else {
            const std::string gone = system.workers().front();
            system.kill(gone);
            system.forget(gone);
            wrong = system.start_worker(skewed);
            Trouble late = arena.wait_worker(wrong, arena.audit().newest_version());
            if (!late.empty()) return late;
        }
        if (Trouble late = arena.wait_versions(3); !late.empty()) return late;
        const double off_s = std::abs(system.events().seen(wrong).told_unix_s - wall_s());
        return off_s > kAlmostAnHour_s ? "" : "the clock of " + wrong + " is right";
    }

private:
    std::string library_;
};

// A small file system under an output folder, filled to its last byte.
class SmallDisk {
public:
    explicit SmallDisk(std::filesystem::path folder) : folder_(std::move(folder)) {
        std::filesystem::create_directories(folder_);
        if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=8m") != 0)
            throw NotPossible("a full disk takes the right to mount a small tmpfs: " +
                              std::string(std::strerror(errno)));
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }

    // Until nothing more goes in.
    void fill() const {
        std::ofstream filler(folder_ / "filler", std::ios::binary);
        const std::string block(4096, 'x');
        while (filler.write(block.data(), static_cast<std::streamsize>(block.size())) &&
               filler.flush())
            continue;
    }
    void empty() const { std::filesystem::remove(folder_ / "filler"); }

private:
    const std::filesystem::path folder_;
};

class FullDiskOfTrainer : public Round {
public:
    void prepare(ArenaPlan& plan) override {
        disk_ = std::make_unique<SmallDisk>(plan.system.folder / "trainer");
    }
    Trouble repeat(Arena& arena, Dice& dice) override {
        RunSystem& system = arena.system();
        arena.pause(dice.uniform(0, 0.3));
        disk_->fill();
        arena.pause(dice.uniform(0.5, 1.5));
        const bool is_killed = dice.chance(0.3);  // in the middle of a checkpoint, perhaps
        if (is_killed) system.kill(arena.trainer);
        disk_->empty();
        if (is_killed) system.start_trainer(arena.trainer, "--resume");
        return arena.wait_versions(3);
    }

private:
    std::unique_ptr<SmallDisk> disk_;
};

class FullDiskOfWorker : public Round {
public:
    void prepare(ArenaPlan& plan) override {
        disk_ = std::make_unique<SmallDisk>(plan.system.folder / "worker0");
    }
    Trouble repeat(Arena& arena, Dice& dice) override {
        arena.pause(dice.uniform(0, 0.3));
        disk_->fill();
        if (Trouble late = arena.wait_versions(5); !late.empty()) return late;
        disk_->empty();
        return arena.wait_versions(3);
    }

private:
    std::unique_ptr<SmallDisk> disk_;
};

class StalledWorker : public Round {
public:
    void prepare(ArenaPlan& plan) override {
        plan.system.settings.push_back("env.requests_per_second=10000");  // as fast as it goes
    }
    Trouble repeat(Arena& arena, Dice& dice) override {
        constexpr std::int64_t kVersions = 200;
        arena.pause(dice.uniform(0, 0.2));
        const std::string worker = arena.system().workers().front();
        arena.system().process(worker).signal(SIGSTOP);
        const Trouble slow = arena.wait_versions(kVersions, 120);
        arena.system().process(worker).signal(SIGCONT);
        if (!slow.empty()) return slow;
        return arena.wait_worker(worker, arena.audit().newest_version());
    }
};

}  // namespace

std::vector<Scenario> machine_faults() {
    return {{"clock_an_hour_off", 20, [] { return std::make_unique<WrongClock>(); }},
            {"disk_full_trainer", 20, [] { return std::make_unique<FullDiskOfTrainer>(); }},
            {"disk_full_worker", 20, [] { return std::make_unique<FullDiskOfWorker>(); }},
            {"worker_stalled", 20, [] { return std::make_unique<StalledWorker>(); }}};
}

}  // namespace dws
