// Every operation the model asks for, with shapes. Coarse and virtual: one call does a whole
// layer's worth of one kind of work. CPU code (x_cpu.cpp) is the specification.
#pragma once

#include <memory>

namespace dws {

class Backend;  // completed by the operations; see make_cpu_backend()

// threads: of this backend's parallel loops and matrix products; at least 1.
std::unique_ptr<Backend> make_cpu_backend(int threads);

}  // namespace dws
