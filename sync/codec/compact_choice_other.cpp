// Processors other than x86-64: the portable kernels are the only ones.
#include <array>

#include "sync/codec/compact_kernels.h"

namespace dws {

std::span<const CompactKernels* const> runnable_compact_kernels() {
    static const std::array<const CompactKernels*, 1> runnable{&kPortableCompactKernels};
    return runnable;
}

const CompactKernels& compact_kernels() { return kPortableCompactKernels; }

}  // namespace dws
