#include "sync/version_writer.h"

#include <fmt/format.h>

#include <optional>

#include "base/clock.h"
#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/digest.h"
#include "sync/sha256.h"

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
        if (sleep_or_stop(wait_s, stop)) return result;
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
    const std::int64_t version = draft.version;
    const Encode encode = [&](const FileSink& sink) {
        return encode_delta(table_, pending.changes, version, options_.encoding,
                            options_.file_bytes, sink);
    };
    Result<PublishedVersion> published = write(std::move(draft), encode, stop);
    if (published) published->steps = pending.steps;
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

// One file is in memory at a time: encoded, named by its hash, uploaded, forgotten.
Result<PublishedVersion> VersionWriter::write(Record draft, const Encode& encode,
                                              std::stop_token stop) {
    const Stopwatch total;
    PublishedVersion published;
    std::optional<Error> error;
    const bool is_encoded = encode([&](Bytes file) {
        const Result<ObjectRef> object = upload(draft, file, published, stop);
        if (!object) {
            error = object.error();
            return false;
        }
        draft.objects.push_back(*object);
        return true;
    });
    if (error) return *error;
    require(is_encoded, "the encoder ends early only when its sink says so");
    published.encode_ms = total.ms() - published.upload_ms;

    const Stopwatch committing;
    const Result<Record> record = commit(draft, stop);
    if (!record) return record.error();
    published.record = *record;
    published.commit_ms = committing.ms();
    published.total_ms = total.ms();
    ringer_.ring("log", fmt::format("version {}", record->version));
    return published;
}

Result<ObjectRef> VersionWriter::upload(const Record& draft, const Bytes& file,
                                        PublishedVersion& published, std::stop_token stop) {
    if (stop.stop_requested())
        return Error{Fault::transport, fmt::format("version {}: stopped", draft.version)};
    ObjectRef object{.key = {}, .size_bytes = file.size(), .sha256 = sha256_hex(file)};
    object.key = fmt::format("objects/{}-{:06d}-{}.safetensors", name_of(draft.kind), draft.version,
                             object.sha256.substr(0, 16));
    const std::string key = options_.run + "/" + object.key;
    const Stopwatch uploading;
    const Result<Done> put =
        persist([&] { return bucket_.put(key, file); }, fault_, options_.retry_wait_s, stop);
    published.upload_ms += uploading.ms();
    published.file_bytes += file.size();
    if (!put) return put.error();
    return object;
}

Result<Record> VersionWriter::commit(const Record& draft, std::stop_token stop) {
    const auto call = [&] { return chain_.is_in_doubt() ? chain_.settle() : chain_.commit(draft); };
    return persist(call, fault_, options_.retry_wait_s, stop);
}

}  // namespace dws
