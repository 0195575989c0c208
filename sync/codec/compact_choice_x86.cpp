// x86-64: what this processor can run is asked once, at run time.
#include "sync/codec/compact_kernels.h"

#include <array>

namespace dws {

namespace {

struct Runnable {
    std::array<const CompactKernels*, 3> kernels{&kPortableCompactKernels};
    std::size_t count = 1;
};

Runnable ask_processor() {
    Runnable runnable;
    const auto add = [&](const CompactKernels& kernels) {
        runnable.kernels[runnable.count++] = &kernels;
    };
    __builtin_cpu_init();
    const bool has_bit_fields = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                                __builtin_cpu_supports("popcnt");
    if (has_bit_fields && __builtin_cpu_supports("avx2")) add(kAvx2CompactKernels);
    if (has_bit_fields && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
        __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vpopcntdq")) {
        add(kAvx512CompactKernels);
    }
    return runnable;
}

const Runnable& runnable_once() {
    static const Runnable runnable = ask_processor();
    return runnable;
}

}  // namespace

std::span<const CompactKernels* const> runnable_compact_kernels() {
    const Runnable& runnable = runnable_once();
    return std::span(runnable.kernels).first(runnable.count);
}

const CompactKernels& compact_kernels() { return *runnable_compact_kernels().back(); }

}  // namespace dws
