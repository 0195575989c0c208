// From records to a staged version: fetches the objects a road names, several at a time, again when
// they came damaged, decodes them and stages the result against the live words. Writes none of
// these.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "sync/bucket/bucket.h"
#include "sync/fetch.h"
#include "sync/prefetch.h"
#include "sync/record.h"
#include "sync/replica.h"
#include "sync/road.h"
#include "sync/subscriber.h"

namespace dws {

class VersionLoader {
public:
    // bucket and replica are not owned and outlive this. refetching: hears of damaged objects.
    VersionLoader(Bucket& bucket, const Replica& replica, std::string run,
                  std::function<void(const Error&)> refetching);

    // The version after the road's first `pieces` pieces: one, which builds on the live version or
    // is an anchor; or an anchor and what follows on it, whatever the live words hold. What comes
    // behind these on the road is fetched ahead. Fills in the report but for what only the commit
    // knows. Faults as those of fetch_object(), the decoders and Replica; Fault::transport also
    // when stopped.
    Result<StagedVersion> stage(const Road& road, std::size_t pieces, CommitReport& report,
                                std::stop_token stop);
    // The object asked for last, what a fault of stage() is about; empty before the first.
    const std::string& last_object() const { return last_object_; }
    // The piece a fault of stage() is about. Null: each was sound, but not what they give together.
    const Record* culprit() const { return culprit_; }

private:
    void announce(const Road& road, std::size_t pieces);
    Result<StagedVersion> stage_next(const Road& road, std::size_t pieces,
                                     const ObjectSource& source, CommitReport& report);
    Result<Bytes> fetch(const ObjectRef& object, std::stop_token stop);

    Bucket& bucket_;
    const Replica& replica_;
    const std::string run_;
    const std::function<void(const Error&)> refetching_;
    std::string last_object_;
    const Record* culprit_ = nullptr;
    Prefetch prefetch_;  // last member: its threads end before what they use
};

}  // namespace dws
