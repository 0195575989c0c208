// From records to a staged version: fetches the objects a road names, again when they came
// damaged, decodes them and stages the result against the live words. Writes none of these.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "sync/bucket.h"
#include "sync/fetch.h"
#include "sync/record.h"
#include "sync/replica.h"
#include "sync/subscriber.h"

namespace dws {

// A delta to the live version alone, or an anchor and the deltas that follow on it. Not empty.
using Road = std::vector<const Record*>;

class VersionLoader {
public:
    // bucket and replica are not owned and outlive this. refetching: hears of damaged objects.
    VersionLoader(Bucket& bucket, const Replica& replica, std::string run,
                  std::function<void(const Error&)> refetching)
        : bucket_(bucket),
          replica_(replica),
          run_(std::move(run)),
          refetching_(std::move(refetching)) {}

    // The road's last version. Fills in the report but for what only the commit knows. Faults as
    // those of fetch_object(), the decoders and Replica; Fault::transport also when stopped.
    Result<StagedVersion> stage(const Road& road, CommitReport& report, std::stop_token stop);
    // The object asked for last, what a fault of stage() is about; empty before the first.
    const std::string& last_object() const { return last_object_; }

private:
    Result<StagedVersion> stage_whole(const Road& road, const ObjectSource& source) const;
    Result<Bytes> fetch(const ObjectRef& object, std::stop_token stop) const;

    Bucket& bucket_;
    const Replica& replica_;
    const std::string run_;
    const std::function<void(const Error&)> refetching_;
    std::string last_object_;
};

}  // namespace dws
