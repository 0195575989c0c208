#include "sync/upkeep/jump_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/codec/compact.h"
#include "sync/codec/compact_file.h"
#include "sync/digest.h"
#include "sync/envelope.h"
#include "sync/file_upload.h"
#include "sync/sha256.h"

namespace dws {
namespace {

Error stopped(const Jump& jump) {
    return Error{Fault::transport, fmt::format("version {}: stopped", jump.version)};
}

Error not_the_version(const ArrayTable& table, std::span<const std::byte> words, const Jump& jump) {
    return Error{Fault::corrupt, fmt::format("words in memory have digest {}, version {} has {}",
                                             sum(digest_tiles(table, words)).hex(), jump.version,
                                             jump.digest.hex())};
}

// How many bytes the files take, or that they take more than `most`. The encoder runs twice, here
// and for what is sent, so that no more than a file is in memory.
bool takes_at_most(std::uint64_t most, const std::function<bool(const FileSink&)>& encode,
                   std::stop_token stop) {
    std::uint64_t bytes = 0;
    return encode([&](const Bytes& file) {
        bytes += file.size();
        return bytes <= most && !stop.stop_requested();
    });
}

}  // namespace

JumpWriter::JumpWriter(Bucket& bucket, const ArrayTable& table, JumpWriterOptions options)
    : bucket_(bucket),
      table_(table),
      options_(std::move(options)),
      writer_(fmt::format("compact-{}-{}", ::getpid(), random_hex(4))) {
    require(options_.threads >= 1, "somebody has to encode");
}

Result<std::optional<WrittenJump>> JumpWriter::write_fold(
    const LoggedRecord& target, std::int64_t base_version, std::span<std::byte> base,
    std::span<const std::byte> next, std::uint64_t most_bytes, std::stop_token stop) {
    const Stopwatch total;
    Jump jump = draft(target);
    jump.kind = RecordKind::delta;
    jump.base_version = base_version;
    const CompactOptions compact{.mode = CompactMode::smallest,
                                 .file_bytes = options_.file_bytes,
                                 .threads = options_.threads};
    const Encode encode = [&](const FileSink& sink) {
        return encode_compact(table_, base, next, jump.version, base_version, compact, sink);
    };
    if (!takes_at_most(most_bytes, encode, stop)) {
        if (stop.stop_requested()) return stopped(jump);
        return std::optional<WrittenJump>();
    }
    // A file's tiles are done before the sink has it, so the base may move on beneath the encoder.
    std::optional<Error> unreadable;
    const Encode encode_and_apply = [&](const FileSink& sink) {
        return encode([&](Bytes file) {
            const CompactVersions versions{jump.version, base_version};
            const Result<CompactView> view = read_compact_file(table_, versions, file);
            const Result<Done> applied = view ? patch_compact(table_, file, jump.version,
                                                              base_version, base, options_.threads)
                                              : Result<Done>(view.error());
            if (!applied) {
                unreadable = applied.error();
                return false;
            }
            jump.changed_words += view->changed_words;
            return sink(std::move(file));
        });
    };
    const Result<Done> uploaded =
        upload(jump, fmt::format("fold-{:06d}", jump.version), encode_and_apply, stop);
    if (unreadable) return *unreadable;
    if (!uploaded) return uploaded.error();
    if (sum(digest_tiles(table_, base)) != jump.digest) return not_the_version(table_, base, jump);
    Result<WrittenJump> offered = offer(std::move(jump), stop);
    if (!offered) return offered.error();
    offered->total_ms = total.ms();
    return std::optional(std::move(*offered));
}

Result<WrittenJump> JumpWriter::write_anchor(const LoggedRecord& target,
                                             std::span<const std::byte> words,
                                             std::stop_token stop) {
    const Stopwatch total;
    Jump jump = draft(target);
    jump.kind = RecordKind::anchor;
    jump.changed_words = table_.words();
    if (sum(digest_tiles(table_, words)) != jump.digest)
        return not_the_version(table_, words, jump);
    const Encode encode = [&](const FileSink& sink) {
        return encode_anchor(table_, words, jump.version, options_.file_bytes, sink);
    };
    const Result<Done> uploaded =
        upload(jump, fmt::format("anchor-{:06d}", jump.version), encode, stop);
    if (!uploaded) return uploaded.error();
    Result<WrittenJump> offered = offer(std::move(jump), stop);
    if (offered) offered->total_ms = total.ms();
    return offered;
}

Jump JumpWriter::draft(const LoggedRecord& target) const {
    const Record& record = target.record;
    require(makes_version(record), "a jump leads to a version");
    Jump jump;
    jump.run = options_.run;
    jump.writer = writer_;
    jump.version = record.version;
    jump.sequence = record.sequence;
    jump.record_sha256 = target.sha256;
    jump.total_words = record.total_words;
    jump.layout_hash = record.layout_hash;
    jump.digest = record.digest;
    jump.trainer_step = record.trainer_step;
    return jump;
}

Result<Done> JumpWriter::upload(Jump& jump, const std::string& stem, const Encode& encode,
                                std::stop_token stop) {
    FileUpload upload(bucket_,
                      {.run = options_.run,
                       .stem = stem,
                       .files_in_flight = options_.files_in_flight,
                       .retry_wait_s = options_.retry_wait_s,
                       .fault = options_.fault},
                      stop);
    const bool is_whole = encode([&](Bytes file) { return upload.add(std::move(file)); });
    Result<std::vector<ObjectRef>> objects = upload.finish();
    if (!objects) return objects.error();
    if (!is_whole) return stopped(jump);
    jump.objects = std::move(*objects);
    return Done{};
}

// Waits out what keeps the entry from being written: the files are there already.
Result<WrittenJump> JumpWriter::offer(Jump jump, std::stop_token stop) {
    jump.created_unix_s = std::round(1e3 * wall_s()) / 1e3;
    const std::string key = jump_key(options_.run, jump.base_version, jump.version);
    Bytes stored = encode_jump(jump);
    if (options_.signer) stored = sign_envelope(stored, *options_.signer);
    while (true) {
        const Result<PutOutcome> outcome = bucket_.put_if_absent(key, stored);
        if (outcome) {
            const std::uint64_t bytes = total_bytes(jump.objects);
            return WrittenJump{std::move(jump), bytes, *outcome == PutOutcome::created, 0};
        }
        if (outcome.error().fault != Fault::transport) return outcome.error();
        if (options_.fault) options_.fault(outcome.error());
        if (sleep_or_stop(options_.retry_wait_s, stop)) return outcome.error();
    }
}

}  // namespace dws
