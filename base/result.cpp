#include "base/result.h"

namespace dws {

const char* name_of(Fault fault) {
    switch (fault) {
        case Fault::missing:
            return "missing";
        case Fault::corrupt:
            return "corrupt";
        case Fault::wrong_base:
            return "wrong_base";
        case Fault::transport:
            return "transport";
        case Fault::untrusted:
            return "untrusted";
        case Fault::superseded:
            return "superseded";
    }
    return "unknown";
}

}  // namespace dws
