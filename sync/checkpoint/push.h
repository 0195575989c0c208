// Puts a checkpoint into a run as its next version: the first one whole, every later one as the
// difference from the one before, with the files that accompany it. A push is a writer of the log
// like any trainer: it begins a reign of its own (an epoch record) where a log is there already.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/chain.h"
#include "sync/checkpoint/checkpoint.h"
#include "sync/checkpoint/version.h"
#include "sync/codec/encoding.h"

namespace dws {

struct PushOptions {
    std::string run;
    Encoding encoding = Encoding::smallest;
    std::size_t file_bytes = 64u << 20;
    std::size_t threads = 1;
    std::optional<Identity> signer = {};
};

struct PushedVersion {
    Record record;
    std::uint64_t word_file_bytes = 0;  // of the anchor's or delta's files
    std::uint64_t other_bytes = 0;      // of accompanying objects that were not there before
    std::size_t other_objects = 0;      // how many
};

class CheckpointPush {
public:
    // bucket, checkpoint and words (its flat buffer) are not owned and outlive this. log: of the
    // run, read just now; empty for a new run.
    CheckpointPush(Bucket& bucket, const Checkpoint& checkpoint, std::span<const std::byte> words,
                   const RunLog& log, PushOptions options);

    // Uploads the files that are no weights and their manifest. True: the newest version of the run
    // has these very ones.
    Result<bool> upload_files(const PieceDone& piece_done);
    // digest: of the checkpoint's words. base: the newest version's words, empty for a new run. The
    // files are up. Fault::superseded: another writer was faster. Fault::transport: the bucket did
    // not answer; whether the version is there the log tells.
    Result<PushedVersion> publish(const Digest& digest, std::span<const std::byte> base,
                                  const PieceDone& piece_done);

private:
    Result<ObjectRef> upload(std::string key, std::span<const std::byte> bytes);
    Result<Done> upload_words(Record& draft, std::span<const std::byte> base,
                              const PieceDone& piece_done);
    Result<Record> commit(Record draft);
    std::int64_t next_version() const { return log_.position.version + 1; }

    Bucket& bucket_;
    const Checkpoint& checkpoint_;
    const std::span<const std::byte> words_;
    const RunLog& log_;
    const PushOptions options_;
    std::vector<ObjectRef> files_;  // manifest first
    PushedVersion pushed_;
};

}  // namespace dws
