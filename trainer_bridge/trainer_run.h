// One life of the trainer's process: starts a run or resumes it, lets the bridge work, ends it.
#pragma once

#include <stop_token>

#include "base/event_log.h"
#include "configs/config.h"
#include "sync/bucket/bucket.h"
#include "trainer_bridge/run_start.h"
#include "trainer_bridge/trainer.h"

namespace dws {

// Returns when the run is complete (its end record is committed), or soon after `stop`: what was
// handed over is flushed until 1.5 s after the request, and the log is left without an end.
// Throws std::runtime_error with one line that names the next action.
void run_trainer(Trainer& trainer, Bucket& bucket, const Config& config, Start start, EventLog& log,
                 std::stop_token stop);

}  // namespace dws
