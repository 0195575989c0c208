#include "trainer_bridge/time_limit.h"

#include "base/stop_signal.h"

namespace dws {

TimeLimit::TimeLimit(double seconds, std::stop_token outer)
    : outer_(std::move(outer), [this] { source_.request_stop(); }),
      timer_([this, seconds](std::stop_token is_over) {
          if (!sleep_or_stop(seconds, is_over)) source_.request_stop();
      }) {}

}  // namespace dws
