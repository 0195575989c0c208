// From tiles to rows of results.
#pragma once

#include <cstddef>

#include "model/amx_kernels.h"

namespace dws {

// to = totals, or += when it adds. columns: up to 16.
inline void put_row(const float* totals, std::size_t columns, bool adds, float* to) {
    if (columns == kTileEdge) [[likely]] {
        for (std::size_t i = 0; i < kTileEdge; ++i) to[i] = totals[i] + (adds ? to[i] : 0.0f);
    } else {
        for (std::size_t i = 0; i < columns; ++i) to[i] = totals[i] + (adds ? to[i] : 0.0f);
    }
}

}  // namespace dws
