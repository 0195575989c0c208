// A bf16 product by oneDNN, as a library user would call it: the peer of this project's own.
#pragma once

#include <memory>

#include "model/weights.h"

namespace dws {

// c = a b, or += where it adds. c: (m, n) fp32. a: (m, k), stored as (k, m) where transposed.
// b: (k, n), stored as (n, k) where transposed. All row-major.
struct MatmulShape {
    int m, n, k;
    bool is_a_transposed, is_b_transposed;
    bool adds;
};

// Made once per shape and number of threads, since making one takes about a millisecond.
class OnednnMatmul {
public:
    // Throws std::runtime_error where the library has no bf16 product for this machine.
    OnednnMatmul(const MatmulShape& shape, int threads);
    ~OnednnMatmul();

    // a, b: bf16 already. OpenMP's number of threads for the calling thread becomes this product's.
    void run(const Bf16* a, const Bf16* b, float* c);

private:
    struct Primitive;
    const int threads_;
    std::unique_ptr<Primitive> primitive_;
};

}  // namespace dws
