// The processor's backends that are measured, one per number of threads. They are kept, since what
// they make room for in a first call stays for the next.
#pragma once

#include <map>
#include <memory>

#include "model/backend.h"

namespace dws {

class Backends {
public:
    Backend& with(int threads) {
        std::unique_ptr<Backend>& backend = of_[threads];
        if (!backend) backend = make_cpu_backend(threads, Products::bf16);
        return *backend;
    }

private:
    std::map<int, std::unique_ptr<Backend>> of_;
};

}  // namespace dws
