#include "base/require.h"
#include "sync/subscriber.h"

namespace dws {

const char* name_of(SubscriberState state) {
    switch (state) {
        case SubscriberState::waiting:
            return "waiting";
        case SubscriberState::fetching:
            return "fetching";
        case SubscriberState::staged:
            return "staged";
        case SubscriberState::committing:
            return "committing";
        case SubscriberState::rescanning:
            return "rescanning";
        case SubscriberState::faulted:
            return "faulted";
    }
    require(false, "every state has a name");
    return "";
}

// What has been verified is committed and rescanned whatever happens meanwhile, so the way into
// `faulted` begins where nothing is under way. Nothing leads out of it.
bool may_follow(SubscriberState from, SubscriberState to) {
    switch (from) {
        case SubscriberState::waiting:
            return to == SubscriberState::fetching || to == SubscriberState::faulted;
        case SubscriberState::fetching:
            return to == SubscriberState::staged || to == SubscriberState::waiting;
        case SubscriberState::staged:
            return to == SubscriberState::committing;
        case SubscriberState::committing:
            return to == SubscriberState::rescanning;
        case SubscriberState::rescanning:
            return to == SubscriberState::waiting;
        case SubscriberState::faulted:
            return false;
    }
    return false;
}

}  // namespace dws
