#include "sync/checkpoint/push.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/require.h"
#include "sync/checkpoint/delta.h"
#include "sync/checkpoint/manifest.h"
#include "sync/codec/interchange.h"
#include "sync/sha256.h"

namespace dws {
namespace {

const Error kStopped{Fault::transport, "stopped"};
// A record whose answer was lost is asked for again; each try waits as long as the bucket retries.
constexpr int kSettleAttempts = 3;

// In the newest version's record; null: not named there.
const ObjectRef* named_before(const RunLog& log, const std::string& key) {
    const Record* newest = log.find(-1);
    if (newest == nullptr) return nullptr;
    const auto found = std::find_if(newest->objects.begin(), newest->objects.end(),
                                    [&](const ObjectRef& object) { return object.key == key; });
    return found == newest->objects.end() ? nullptr : &*found;
}

}  // namespace

CheckpointPush::CheckpointPush(Bucket& bucket, const Checkpoint& checkpoint,
                               std::span<const std::byte> words, const RunLog& log,
                               PushOptions options)
    : bucket_(bucket),
      checkpoint_(checkpoint),
      words_(words),
      log_(log),
      options_(std::move(options)) {}

Result<bool> CheckpointPush::upload_files(const PieceDone& piece_done) {
    CheckpointManifest manifest{checkpoint_.shards, {}};
    std::map<std::string, ObjectRef> objects;  // by key: equal files are one object
    for (const CheckpointFile& file : checkpoint_.others) {
        const Result<Bytes> bytes = read_other(checkpoint_, file);
        if (!bytes) return bytes.error();
        const std::string key = accompanying_key(sha256_hex(*bytes));
        manifest.files.emplace(file.path, key);
        if (!objects.contains(key)) {
            const Result<ObjectRef> object = upload(key, *bytes);
            if (!object) return object.error();
            objects.emplace(key, *object);
        }
        if (piece_done && !piece_done(bytes->size())) return kStopped;
    }
    const Bytes encoded = encode_manifest(manifest);
    if (encoded.size() > kMaxManifestBytes)
        return Error{Fault::corrupt, "its headers together are larger than any model's"};
    const std::string sha256 = sha256_hex(encoded);
    const Record* newest = log_.find(-1);
    const ObjectRef* before = newest == nullptr ? nullptr : manifest_of(*newest);
    const bool is_same = before != nullptr && before->sha256 == sha256;
    // The same manifest is named again, under the version that brought it.
    const Result<ObjectRef> object =
        upload(is_same ? before->key : manifest_key(next_version(), sha256), encoded);
    if (!object) return object.error();
    files_ = {*object};
    for (const auto& [key, other] : objects) files_.push_back(other);
    return is_same;
}

Result<ObjectRef> CheckpointPush::upload(std::string key, std::span<const std::byte> bytes) {
    ObjectRef object{std::move(key), bytes.size(), sha256_hex(bytes)};
    const ObjectRef* before = named_before(log_, object.key);
    if (before != nullptr && *before == object) return object;
    const Result<Done> put = bucket_.put(options_.run + "/" + object.key, bytes);
    if (!put) return put.error();
    pushed_.other_bytes += bytes.size();
    pushed_.other_objects += 1;
    return object;
}

Result<PushedVersion> CheckpointPush::publish(const Digest& digest, std::span<const std::byte> base,
                                              const PieceDone& piece_done) {
    require(!files_.empty(), "files are uploaded before the version is published");
    const ArrayTable& table = checkpoint_.table;
    Record draft;
    draft.kind = base.empty() ? RecordKind::anchor : RecordKind::delta;
    draft.version = next_version();
    draft.base_version = base.empty() ? -1 : log_.position.version;
    draft.total_words = table.words();
    draft.layout_hash = table.layout_hash();
    draft.digest = digest;
    draft.trainer_step = base.empty() ? 0 : log_.position.trainer_step + 1;
    const Result<Done> uploaded = upload_words(draft, base, piece_done);
    if (!uploaded) return uploaded.error();
    draft.objects.insert(draft.objects.end(), files_.begin(), files_.end());
    const Result<Record> record = commit(std::move(draft));
    if (!record) return record.error();
    pushed_.record = *record;
    return pushed_;
}

// One file is in memory at a time: encoded, named by its hash, uploaded, forgotten.
Result<Done> CheckpointPush::upload_words(Record& draft, std::span<const std::byte> base,
                                          const PieceDone& piece_done) {
    std::optional<Error> error;
    const FileSink sink = [&](Bytes file) {
        ObjectRef object{{}, file.size(), sha256_hex(file)};
        object.key = fmt::format("objects/{}-{:06d}-{}.safetensors", name_of(draft.kind),
                                 draft.version, object.sha256.substr(0, 16));
        if (draft.kind == RecordKind::delta) {
            const Result<DeltaFacts> facts = read_delta_facts(file);
            require(static_cast<bool>(facts), "what an encoder wrote can be read");
            draft.changed_words += facts->changed_words;
        }
        const Result<Done> put = bucket_.put(options_.run + "/" + object.key, file);
        if (!put) error = put.error();
        if (put && piece_done && !piece_done(file.size())) error = kStopped;
        pushed_.word_file_bytes += file.size();
        draft.objects.push_back(std::move(object));
        return !error;
    };
    if (draft.kind == RecordKind::anchor) {
        draft.changed_words = draft.total_words;
        encode_anchor(checkpoint_.table, words_, draft.version, options_.file_bytes, sink);
    } else {
        encode_from_buffers(checkpoint_.table, base, words_, draft.version, draft.base_version,
                            options_.encoding, options_.file_bytes, options_.threads, sink);
    }
    if (error) return *error;
    return Done{};
}

Result<Record> CheckpointPush::commit(Record draft) {
    const bool is_new = log_.position.next_sequence == 0;
    ChainWriter writer(bucket_, options_.run, log_.position, log_.position.epoch + 1,
                       options_.signer);
    const auto settled = [&](Record record) {
        Result<Record> committed = writer.commit(std::move(record));
        for (int attempt = 0; attempt < kSettleAttempts && writer.is_in_doubt(); ++attempt)
            committed = writer.settle();
        return committed;
    };
    if (!is_new) {
        Record epoch;
        epoch.kind = RecordKind::epoch;
        epoch.total_words = draft.total_words;
        epoch.layout_hash = draft.layout_hash;
        const Result<Record> begun = settled(std::move(epoch));
        if (!begun) return begun;
    }
    return settled(std::move(draft));
}

}  // namespace dws
