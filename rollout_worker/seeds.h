// Random numbers that are looked up rather than drawn in turn: a number depends on its seed and
// its place alone, so a sequence is sampled alike whatever shares its batch.
#pragma once

#include <cstdint>
#include <string_view>

namespace dws {

// A seed's child. Different pairs give unrelated seeds.
std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t index);
std::uint64_t derive_seed(std::uint64_t seed, std::string_view name);

// Uniform in [0, 1), 53 bits.
double uniform_at(std::uint64_t seed, std::uint64_t position);

}  // namespace dws
