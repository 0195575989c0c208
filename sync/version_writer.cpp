#include "sync/version_writer.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/codec/compact_changes.h"
#include "sync/codec/compact_cut.h"
#include "sync/digest.h"
#include "sync/file_upload.h"

namespace dws {
namespace {

// Calls until it works, fails for another reason than transport, or is stopped.
template <class Call>
auto persist(const Call& call, const std::function<void(const Error&)>& fault, double wait_s,
             std::stop_token stop) -> decltype(call()) {
    while (true) {
        auto result = call();
        if (result || result.error().fault != Fault::transport) return result;
        if (fault) fault(result.error());
        if (sleep_or_stop(wait_after_s(result.error(), wait_s), stop)) return result;
    }
}

bool lists_only_changes(const TileChanges& changes) {
    for (std::size_t index = 0; index < changes.size(); ++index)
        if (changes.before[index] == changes.after[index]) return false;
    return true;
}

}  // namespace

Result<PublishedVersion> VersionWriter::write_anchor(WholeVersion whole, std::stop_token stop) {
    Record draft = draft_of(RecordKind::anchor);
    draft.version = position().version + 1;
    draft.changed_words = table_.words();
    draft.digest = sum(digest_tiles(table_, whole.words));
    draft.trainer_step = whole.trainer_step;
    draft.games = std::move(whole.games);
    const std::int64_t version = draft.version;
    const Encode encode = [&](const FileSink& sink) {
        return encode_anchor(table_, whole.words, version, options_.file_bytes, sink);
    };
    return write(std::move(draft), encode, stop);
}

Result<PublishedVersion> VersionWriter::write_delta(Pending pending, std::stop_token stop) {
    require(position().version >= 0, "an anchor stands before the first delta");
    Record draft = draft_of(RecordKind::delta);
    draft.base_version = position().version;
    draft.version = position().version + 1;
    draft.changed_words = count(pending.changes);
    for (const auto& [tile, changes] : pending.changes) {
        // Followers refuse such a delta, and the log could not go on.
        require(lists_only_changes(changes), "a change changes its word");
        draft.digest += digest_change(table_, tile, changes);
    }
    draft.trainer_step = pending.trainer_step;
    draft.games = std::move(pending.games);
    draft.steps = std::move(pending.trained);
    draft.is_rollback = pending.is_rollback;
    const std::int64_t version = draft.version;
    const std::int64_t base_version = draft.base_version;
    const Encode encode = [&](const FileSink& sink) {
        if (is_compact(options_.encoding)) {
            return encode_compact_changes(table_, pending.changes, {version, base_version},
                                          options_.file_bytes, sink);
        }
        return encode_delta(table_, pending.changes, version, options_.encoding,
                            options_.file_bytes, sink);
    };
    Result<PublishedVersion> published = write(std::move(draft), encode, stop);
    if (published) published->steps = pending.steps;
    return published;
}

Result<PublishedVersion> VersionWriter::write_delta(EncodedStep step, std::stop_token stop) {
    require(position().version >= 0, "an anchor stands before the first delta");
    Record draft = draft_of(RecordKind::delta);
    draft.base_version = position().version;
    draft.version = position().version + 1;
    draft.changed_words = count(step);
    draft.digest += step.change;
    draft.trainer_step = step.trainer_step;
    draft.games = std::move(step.games);
    if (!step.trained.empty()) draft.steps.push_back(std::move(step.trained));
    const CompactVersions versions{draft.version, draft.base_version};
    const Encode encode = [&](const FileSink& sink) {
        CompactCutter cutter(table_, versions, step.classes, options_.file_bytes, sink);
        for (CompactBody& run : step.runs) {
            if (!cutter.add(std::move(run))) return false;
        }
        return cutter.finish();
    };
    Result<PublishedVersion> published = write(std::move(draft), encode, stop);
    if (published) published->steps = 1;
    return published;
}

Result<Done> VersionWriter::write_end(std::stop_token stop) {
    Record draft = draft_of(RecordKind::end);
    const Result<Record> record = commit(draft, stop);
    if (!record) return record.error();
    ringer_.ring("log", "end");
    return Done{};
}

Result<Done> VersionWriter::write_epoch() {
    const Result<Record> record = chain_.commit(draft_of(RecordKind::epoch));
    if (!record) return record.error();
    ringer_.ring("log", "epoch");
    return Done{};
}

// What holds when the record changes nothing.
Record VersionWriter::draft_of(RecordKind kind) const {
    Record draft;
    draft.kind = kind;
    draft.version = position().version;
    draft.total_words = table_.words();
    draft.layout_hash = table_.layout_hash();
    draft.digest = position().digest;
    draft.trainer_step = position().trainer_step;
    return draft;
}

// Files are hashed, uploaded and forgotten beside the encoder, which waits while too many are under
// way.
Result<PublishedVersion> VersionWriter::write(Record draft, const Encode& encode,
                                              std::stop_token stop) {
    const Stopwatch total;
    PublishedVersion published;
    FileUpload upload(bucket_,
                      {.run = options_.run,
                       .stem = fmt::format("{}-{:06d}", name_of(draft.kind), draft.version),
                       .files_in_flight = options_.files_in_flight,
                       .retry_wait_s = options_.retry_wait_s,
                       .fault = fault_},
                      stop);
    const bool is_encoded = encode([&](Bytes file) {
        published.file_bytes += file.size();
        const Stopwatch waiting;
        const bool goes_on = upload.add(std::move(file));
        published.upload_ms += waiting.ms();
        return goes_on;
    });
    published.encode_ms = total.ms() - published.upload_ms;
    const Stopwatch waiting;
    Result<std::vector<ObjectRef>> objects = upload.finish();
    published.upload_ms += waiting.ms();
    if (!objects) return objects.error();
    require(is_encoded, "the encoder ends early only when its sink says so");
    draft.objects = std::move(*objects);

    const Stopwatch committing;
    const Result<Record> record = commit(draft, stop);
    if (!record) return record.error();
    published.record = *record;
    published.commit_ms = committing.ms();
    published.total_ms = total.ms();
    ringer_.ring("log", fmt::format("version {}", record->version));
    return published;
}

Result<Record> VersionWriter::commit(const Record& draft, std::stop_token stop) {
    const auto call = [&] { return chain_.is_in_doubt() ? chain_.settle() : chain_.commit(draft); };
    return persist(call, fault_, options_.retry_wait_s, stop);
}

}  // namespace dws
