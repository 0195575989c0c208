#include "sync/bucket/environment.h"

#include <cstdlib>

namespace dws {

Environment process_environment() {
    return [](const std::string& name) {
        const char* value = std::getenv(name.c_str());
        return std::string(value == nullptr ? "" : value);
    };
}

}  // namespace dws
