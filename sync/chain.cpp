#include "sync/chain.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/clock.h"
#include "base/require.h"
#include "sync/envelope.h"
#include "sync/sha256.h"

namespace dws {

namespace {

Error does_not_follow(const Record& record, std::string why) {
    return Error{Fault::untrusted, fmt::format("record {} (epoch {}, writer {}): {}",
                                               record.sequence, record.epoch, record.writer, why)};
}

// Empty when the record stands in its place; otherwise why not.
std::string place_fault(const ChainPosition& position, const std::string& run,
                        const Record& record) {
    if (record.run != run) return fmt::format("is of run {}, not {}", record.run, run);
    if (record.sequence != position.next_sequence) {
        return fmt::format("stands where record {} belongs", position.next_sequence);
    }
    if (record.previous_sha256 != position.last_sha256) {
        return fmt::format("names previous record {}, not {}", record.previous_sha256,
                           position.last_sha256);
    }
    return {};
}

std::string epoch_fault(const ChainPosition& position, const Record& record) {
    const bool is_epoch_record = record.kind == RecordKind::epoch;
    if (position.next_sequence == 0) {
        if (record.epoch != 1) return "a log begins with epoch 1";
        if (!is_epoch_record && record.kind != RecordKind::anchor) {
            return "a log begins with an anchor or an epoch record";
        }
        return {};
    }
    if (record.epoch < position.epoch) {
        return fmt::format("epoch goes back from {}", position.epoch);
    }
    if (is_epoch_record && record.epoch == position.epoch) return "repeats the epoch of the log";
    if (!is_epoch_record && record.epoch > position.epoch) {
        return fmt::format("a new epoch (the log is in {}) begins with an epoch record",
                           position.epoch);
    }
    if (position.has_ended && !is_epoch_record) return "follows the end of the run";
    return {};
}

std::string version_fault(const ChainPosition& position, const Record& record) {
    const bool keeps = record.kind == RecordKind::epoch || record.kind == RecordKind::end;
    if (keeps && record.version != position.version) {
        return fmt::format("states version {}, the log holds {}", record.version, position.version);
    }
    if (keeps && record.digest != position.digest) return "states another digest than the log's";
    if (!keeps && record.version <= position.version) {
        return fmt::format("version goes from {} to {}", position.version, record.version);
    }
    if (record.kind == RecordKind::delta &&
        (position.version < 0 || record.base_version != position.version)) {
        return fmt::format("is a delta to version {}, the log holds {}", record.base_version,
                           position.version);
    }
    return {};
}

// Steps go back in a rollback alone, and on by as many as the record names, where it names them.
std::string step_fault(const ChainPosition& position, const Record& record) {
    if (record.is_rollback && record.trainer_step > position.trainer_step) {
        return fmt::format("is a rollback from trainer step {} on to {}", position.trainer_step,
                           record.trainer_step);
    }
    if (!record.is_rollback && record.trainer_step < position.trainer_step) {
        return fmt::format("trainer step goes back from {} to {}", position.trainer_step,
                           record.trainer_step);
    }
    const auto grown = static_cast<std::uint64_t>(record.trainer_step - position.trainer_step);
    if (!record.steps.empty() && grown != record.steps.size()) {
        return fmt::format("names {} steps from trainer step {} to {}", record.steps.size(),
                           position.trainer_step, record.trainer_step);
    }
    return {};
}

// Moves the cursors; each worker's groups are decided in order, from 0 on, without gaps.
std::string advance_cursors(std::map<std::string, std::int64_t>& cursors, const Record& record) {
    for (const GamesConsumed& games : record.games) {
        std::int64_t& cursor = cursors[games.worker];  // 0 for a worker not seen before
        if (games.first != cursor || games.next < games.first) {
            return fmt::format("decides games {}..{} of worker {}, whose next is {}", games.first,
                               games.next, games.worker, cursor);
        }
        cursor = games.next;
    }
    return {};
}

// "<host>-<process>-<random>", of the letters a key may have: for people; the nonce decides.
std::string new_writer_id() {
    std::array<char, 65> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    std::string name(host.data());
    std::erase_if(name, [](char letter) {
        return !is_valid_key(std::string_view(&letter, 1)) && letter != '.';
    });
    return fmt::format("{}-{}-{}", name.empty() ? "host" : name, ::getpid(), random_hex(4));
}

}  // namespace

Result<ChainPosition> advance(const ChainPosition& position, const std::string& run,
                              const Record& record, const std::string& stored_sha256) {
    for (const std::string& why :
         {place_fault(position, run, record), epoch_fault(position, record),
          version_fault(position, record), step_fault(position, record)}) {
        if (!why.empty()) return does_not_follow(record, why);
    }
    ChainPosition next = position;
    const std::string why = advance_cursors(next.cursors, record);
    if (!why.empty()) return does_not_follow(record, why);
    next.next_sequence = record.sequence + 1;
    next.last_sha256 = stored_sha256;
    next.epoch = record.epoch;
    next.version = record.version;
    next.trainer_step = record.trainer_step;
    next.digest = record.digest;
    next.has_ended = record.kind == RecordKind::end;
    if (record.next_key.empty()) return next;
    const Result<PublicIdentity> key = parse_identity(record.next_key);
    if (!key) return does_not_follow(record, "names as the next key what is none");
    if (next.signer) next.signer = *key;
    return next;
}

ChainWriter::ChainWriter(Bucket& bucket, std::string run, ChainPosition position,
                         std::uint64_t epoch, std::optional<Identity> signer)
    : bucket_(bucket),
      run_(std::move(run)),
      writer_(new_writer_id()),
      epoch_(epoch),
      signer_(std::move(signer)),
      position_(std::move(position)) {}

Result<Record> ChainWriter::commit(Record draft) {
    require(!in_doubt_, "a record in doubt is settled before the next is committed");
    draft.run = run_;
    draft.sequence = position_.next_sequence;
    draft.epoch = epoch_;
    draft.writer = writer_;
    draft.nonce = random_hex(16);
    draft.previous_sha256 = position_.last_sha256;
    draft.created_unix_s = std::round(1e3 * wall_s()) / 1e3;
    if (draft.kind == RecordKind::epoch || draft.kind == RecordKind::end) {
        draft.version = position_.version;
        draft.digest = position_.digest;
        draft.trainer_step = std::max(draft.trainer_step, position_.trainer_step);
    }
    Bytes stored = encode_record(draft);
    // What followers would refuse would stop the log for good, so it is never sent.
    const Result<Record> as_read = decode_record(stored);
    if (!as_read) return as_read.error();
    if (signer_) stored = sign_envelope(stored, *signer_);
    if (position_.signer) {
        const std::string why = signature_fault(stored, std::span(&*position_.signer, 1));
        if (!why.empty())
            return does_not_follow(draft, why + ": this writer has another key than the log");
    }
    const Result<ChainPosition> after = advance(position_, run_, draft, sha256_hex(stored));
    if (!after) return after.error();
    in_doubt_ = InDoubt{std::move(draft), std::move(stored), *after};
    return settle();
}

Result<Record> ChainWriter::settle() {
    require(in_doubt_.has_value(), "settle() is for a record in doubt");
    const std::string key = log_key(run_, in_doubt_->record.sequence);
    const Result<PutOutcome> outcome = bucket_.put_if_absent(key, in_doubt_->stored);
    if (!outcome) return outcome.error();
    return *outcome == PutOutcome::created ? accept() : compare_with_stored();
}

Result<Record> ChainWriter::accept() {
    Record record = std::move(in_doubt_->record);
    position_ = std::move(in_doubt_->after);
    in_doubt_.reset();
    return record;
}

// Who signs this log's next record, as far as this writer can know.
std::optional<PublicIdentity> ChainWriter::expected_signer() const {
    if (position_.signer) return position_.signer;
    if (signer_) return signer_->shared();
    return std::nullopt;
}

// The key is taken: by an earlier try of our own whose answer was lost, or by another writer.
Result<Record> ChainWriter::compare_with_stored() {
    const std::string key = log_key(run_, in_doubt_->record.sequence);
    const Result<Bytes> stored = bucket_.get(key, {.length = kMaxRecordBytes + 1});
    if (!stored && stored.error().fault == Fault::missing) {
        return Error{Fault::transport, key + " is said to exist and cannot be read"};
    }
    if (!stored) return stored.error();
    if (*stored == in_doubt_->stored) return accept();  // the nonce makes our bytes ours alone
    in_doubt_.reset();
    const Result<Record> other = decode_record(*stored);
    if (!other) return Error{Fault::superseded, key + " was written by somebody else, unreadably"};
    if (const std::optional<PublicIdentity> expected = expected_signer()) {
        const std::string why = signature_fault(*stored, std::span(&*expected, 1));
        if (!why.empty())
            return Error{Fault::untrusted,
                         fmt::format("{} was written by a stranger: record {} (epoch {}, writer "
                                     "{}) {}; no follower takes it, so remove it, see who can "
                                     "write to the bucket, and resume",
                                     key, other->sequence, other->epoch, other->writer, why)};
    }
    return Error{Fault::superseded,
                 fmt::format("{} was written by {} in epoch {}; this writer, {}, is in epoch {}",
                             key, other->writer, other->epoch, writer_, epoch_)};
}

}  // namespace dws
