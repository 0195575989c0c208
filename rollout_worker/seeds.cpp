#include "rollout_worker/seeds.h"

namespace dws {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ull;  // 2^64 / golden ratio

// The finalizer of splitmix64 (Steele, Lea, Flood 2014, figure 16).
std::uint64_t scramble(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
    return value ^ (value >> 31);
}

}  // namespace

std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t index) {
    return scramble(scramble(seed + kGolden) + (index + 1) * kGolden);
}

std::uint64_t derive_seed(std::uint64_t seed, std::string_view name) {
    for (const char letter : name) seed = derive_seed(seed, static_cast<unsigned char>(letter));
    return derive_seed(seed, name.size());
}

double uniform_at(std::uint64_t seed, std::uint64_t position) {
    return static_cast<double>(derive_seed(seed, position) >> 11) * 0x1p-53;
}

}  // namespace dws
