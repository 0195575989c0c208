// x86-64: what this processor can run is asked when a backend is made.
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model/amx_products.h"
#include "model/bf16_products.h"

namespace dws {
namespace {

// CPUID leaf 7, register EDX; __builtin_cpu_supports() does not know them in every compiler.
constexpr unsigned kAmxBf16 = 1u << 22;
constexpr unsigned kAmxTile = 1u << 24;
// CPUID leaf 7, subleaf 1, register EAX.
constexpr unsigned kAvx512Bf16 = 1u << 5;

bool has_unit() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
    if ((edx & kAmxBf16) == 0 || (edx & kAmxTile) == 0) return false;
    if (!__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) return false;
    __builtin_cpu_init();
    return (eax & kAvx512Bf16) != 0 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

// Linux lends the tiles' 8 KiB of state to a process that asks once (Documentation/arch/x86/
// xstate.rst); asking again is harmless.
bool ask_for_tiles() {
    constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool has_bf16_products() { return has_unit() && ask_for_tiles(); }

std::unique_ptr<Bf16Products> make_bf16_products(int threads) {
    if (!has_bf16_products()) return nullptr;
    return std::make_unique<AmxProducts>(threads);
}

}  // namespace dws
