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

const char* next_action(Fault fault) {
    switch (fault) {
        case Fault::missing:
            return "wait, or start from an anchor";
        case Fault::corrupt:
            return "fetch it again; if it stays, restore the object or republish";
        case Fault::wrong_base:
            return "load the newest anchor, then the deltas after it";
        case Fault::transport:
            return "check the bucket's address and that it is reachable, then try again";
        case Fault::untrusted:
            return "stop: compare with `dws verify`, ask the operator";
        case Fault::superseded:
            return "stop this writer; another owns the log: use --resume or another run.name";
    }
    return "ask the operator";
}

std::string final_line(const Error& error) {
    return std::string(name_of(error.fault)) + ": " + error.detail + "; " +
           next_action(error.fault);
}

}  // namespace dws
