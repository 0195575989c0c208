// Puts one version at a time into the bucket: files, then the record, then a ring. Memory beyond
// what it is handed: files_in_flight files, and the tiles or arrays of the one being made. A fault
// of transport is waited out here, with the very same attempt: what was sent once is settled before
// anything else is sent. Belongs to one thread, the publisher's.
#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "sync/doorbell.h"
#include "sync/publisher.h"

namespace dws {

// A version to be stored whole. words: the table's flat buffer, not owned.
struct WholeVersion {
    std::span<const std::byte> words;
    std::int64_t trainer_step;
    std::vector<GamesConsumed> games;
};

class VersionWriter {
public:
    // bucket and table are not owned and outlive this. fault: hears what is being waited out.
    VersionWriter(Bucket& bucket, const ArrayTable& table, PublisherOptions options,
                  std::function<void(const Error&)> fault, ChainWriter chain)
        : bucket_(bucket),
          table_(table),
          options_(std::move(options)),
          fault_(std::move(fault)),
          chain_(std::move(chain)),
          ringer_(options_.doorbell) {}

    // Fault::transport: stopped first. Any other fault is final.
    Result<PublishedVersion> write_anchor(WholeVersion whole, std::stop_token stop);
    Result<PublishedVersion> write_delta(Pending pending, std::stop_token stop);
    Result<PublishedVersion> write_delta(EncodedStep step, std::stop_token stop);
    Result<Done> write_end(std::stop_token stop);
    // Tries once: who resumes has somebody to tell.
    Result<Done> write_epoch();

    const ChainPosition& position() const { return chain_.position(); }

private:
    // Encodes into the sink it is given; false when the sink stopped it.
    using Encode = std::function<bool(const FileSink&)>;

    Record draft_of(RecordKind kind) const;
    Result<PublishedVersion> write(Record draft, const Encode& encode, std::stop_token stop);
    Result<Record> commit(const Record& draft, std::stop_token stop);

    Bucket& bucket_;
    const ArrayTable& table_;
    const PublisherOptions options_;
    const std::function<void(const Error&)> fault_;
    ChainWriter chain_;
    DoorbellRinger ringer_;
};

}  // namespace dws
