// The trainer's side: changes in, versions out. One background thread encodes, uploads and
// commits; the trainer hands steps over and never waits for the bucket. While the thread is busy
// steps merge, and the next version covers several.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/codec/encoded_step.h"
#include "sync/codec/encoding.h"
#include "sync/codec/interchange.h"
#include "sync/doorbell_end.h"
#include "sync/pending.h"

namespace dws {

struct PublisherOptions {
    std::string run;
    Encoding encoding = Encoding::smallest;
    std::size_t file_bytes = 64u << 20;  // a file is named by its hash, so it is whole before it
                                         // is sent; this is also the memory one file takes
    std::size_t files_in_flight = 3;     // encoded, hashed and sent side by side
    DoorbellEnd doorbell = {};           // the broker's inner side; empty: none
    double retry_wait_s = 1;             // between attempts once the bucket's own retries are spent
    std::optional<Identity> signer = {};  // signs every record
};

// One committed version, as the trainer's log tells it.
struct PublishedVersion {
    Record record;
    std::int64_t steps = 0;  // optimizer steps it covers
    std::uint64_t file_bytes = 0;
    // One after another, together total_ms. Files are hashed and sent while others are encoded.
    double encode_ms = 0;  // making the files; little for a step that came encoded
    double upload_ms = 0;  // waiting for hashes and puts: what encoding did not hide of them
    double commit_ms = 0;
    double total_ms = 0;  // from the cut to the committed record
};

// What the publisher has to say while it works.
struct PublisherEvents {
    std::function<void(const PublishedVersion&)> published;  // on the publisher's thread
    // Transport: it goes on trying. Others: it stopped. On any thread, on several at once.
    std::function<void(const Error&)> fault;
};

class Publisher {
public:
    using ReadOn = std::function<Result<ChainPosition>()>;

    // A new run: record 0 must be absent (Fault::superseded otherwise).
    static Result<std::unique_ptr<Publisher>> start_new(Bucket& bucket, const ArrayTable& table,
                                                        PublisherOptions options,
                                                        PublisherEvents events);
    // A resumed run: continues the log after `position` with a new epoch, whose record is
    // committed before this returns. read_on: asked for the log's new end when another writer's
    // record has come in between; without it that is Fault::superseded.
    static Result<std::unique_ptr<Publisher>> resume(Bucket& bucket, const ArrayTable& table,
                                                     PublisherOptions options,
                                                     PublisherEvents events, ChainPosition position,
                                                     const ReadOn& read_on = {});
    ~Publisher();

    // Anchor 0 of a new run; waits until it is committed, fails, or is stopped (the publisher is of
    // no use then). words: the table's flat buffer, which nobody writes until this returns.
    Result<Done> publish_anchor(std::span<const std::byte> words, std::int64_t trainer_step,
                                std::vector<GamesConsumed> games, std::stop_token stop = {});

    // One or more optimizer steps, after the anchor. Never waits for the bucket. False when the
    // publisher has stopped for good (failure() says why).
    bool hand_over(Pending step);

    // Whether a step handed over now would be a version by itself, in a compact encoding: then the
    // optimizer may encode it tile by tile and hand over an EncodedStep. Holds until the next
    // hand_over(), if that comes from the thread that asked.
    bool is_idle() const;
    // One step, encoded; is_idle() was true. False as above.
    bool hand_over(EncodedStep step);

    // Waits until everything handed over is committed. False on failure or stop.
    bool flush(std::stop_token stop);
    // flush(), then the record that ends the run.
    Result<Done> finish(std::stop_token stop);

    // Where the log ends when all that was handed over is committed and nothing is under way; empty
    // otherwise. Holds until the next hand_over().
    std::optional<ChainPosition> settled_position() const;

    std::optional<Error> failure() const;
    std::uint64_t pending_words() const;  // changes that wait for the next version

private:
    Publisher(Bucket& bucket, const ArrayTable& table, PublisherOptions options,
              PublisherEvents events, ChainWriter writer);
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace dws
