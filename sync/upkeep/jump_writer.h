// Puts one jump into the bucket: its files first, then the entry, created only if absent. What is
// offered has been read back: the fold's own files turned its base into the version whose digest
// the log states. A writer that dies leaves files that the next one's equal files replace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/identity.h"
#include "sync/array_table.h"
#include "sync/bucket/bucket.h"
#include "sync/codec/interchange.h"
#include "sync/jump.h"
#include "sync/upkeep/run_contents.h"

namespace dws {

struct JumpWriterOptions {
    std::string run;
    std::size_t file_bytes = 64u << 20;
    std::size_t files_in_flight = 3;
    std::size_t threads = 1;  // of the encoder; at least 1
    double retry_wait_s = 1;  // between attempts once the bucket's own retries are spent
    std::function<void(const Error&)> fault = {};  // hears what is being waited out; any thread
    std::optional<Identity> signer = {};
};

struct WrittenJump {
    Jump jump;
    std::uint64_t bytes = 0;
    bool is_new = true;  // false: an entry of this name was there already
    double total_ms = 0;
};

class JumpWriter {
public:
    // bucket and table are not owned and outlive this.
    JumpWriter(Bucket& bucket, const ArrayTable& table, JumpWriterOptions options);

    // base, next: two flat buffers of the table's layout. Empty, and nothing sent, when the fold
    // takes more than most_bytes; base is unchanged then. Once the fold is offered base is next;
    // after a fault it is neither. Fault::corrupt: one of the buffers is not the version it should
    // be, and nothing is offered. Fault::transport: stopped.
    Result<std::optional<WrittenJump>> write_fold(const LoggedRecord& target,
                                                  std::int64_t base_version,
                                                  std::span<std::byte> base,
                                                  std::span<const std::byte> next,
                                                  std::uint64_t most_bytes, std::stop_token stop);
    // Fault::corrupt: the words are not the target's.
    Result<WrittenJump> write_anchor(const LoggedRecord& target, std::span<const std::byte> words,
                                     std::stop_token stop);

private:
    // Encodes into the sink it is given; false when the sink stopped it.
    using Encode = std::function<bool(const FileSink&)>;

    Jump draft(const LoggedRecord& target) const;
    Result<Done> upload(Jump& jump, const std::string& stem, const Encode& encode,
                        std::stop_token stop);
    Result<WrittenJump> offer(Jump jump, std::stop_token stop);

    Bucket& bucket_;
    const ArrayTable& table_;
    const JumpWriterOptions options_;
    const std::string writer_;
};

}  // namespace dws
