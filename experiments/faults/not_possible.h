// Why something cannot be tried on this machine.
#pragma once

#include <stdexcept>

namespace dws {

// The text says what it would take.
struct NotPossible : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace dws
