// What a trainer's process says of its run's versions and faults.
#pragma once

#include <string>

#include "base/event_log.h"
#include "base/result.h"
#include "sync/array_table.h"
#include "sync/publisher.h"

namespace dws {

void say_version(EventLog& log, const PublishedVersion& version, const ArrayTable& table);
void say_fault(EventLog& log, const std::string& where, const Error& error);

// Both, said by the publisher's threads. log and table are not owned and outlive the publisher.
PublisherEvents publisher_events(EventLog& log, const ArrayTable& table);

}  // namespace dws
