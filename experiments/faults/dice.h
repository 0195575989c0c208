// Random moments and choices, from a seed that is printed.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>

namespace dws {

class Dice {
public:
    // One scenario's repetition has the same moments whatever runs beside it.
    Dice(std::uint64_t seed, const std::string& scenario, int repetition) {
        std::seed_seq mix{seed, static_cast<std::uint64_t>(std::hash<std::string>{}(scenario)),
                          static_cast<std::uint64_t>(repetition)};
        random_.seed(mix);
    }

    double uniform(double least, double most) {
        return std::uniform_real_distribution<double>(least, most)(random_);
    }
    // least..most, both included.
    std::int64_t whole(std::int64_t least, std::int64_t most) {
        return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
    }
    bool chance(double share) { return uniform(0, 1) < share; }

private:
    std::mt19937_64 random_;
};

}  // namespace dws
