#include <fmt/format.h>

#include <utility>

#include "sync/chain.h"
#include "sync/envelope.h"
#include "sync/sha256.h"

namespace dws {

ChainReader::ChainReader(Bucket& bucket, std::string run, Trust trust)
    : run_(std::move(run)),
      trust_(std::move(trust)),
      records_(bucket, run_),
      past_(bucket, run_, trust_.since),
      memory_(trust_.memory, run_) {
    position_.signer = trust_.log;
}

Result<Record> ChainReader::next(std::stop_token stop) {
    const Result<Done> walked = past_.walk(stop);
    if (!walked) return walked.error();
    const std::string key = log_key(run_, position_.next_sequence);
    Result<Record> record = read_next(key, stop);
    // Bytes damaged on the way come right with the second try; a stranger's do not.
    if (!record && record.error().fault == Fault::untrusted) record = read_next(key, stop);
    return record;
}

Result<Record> ChainReader::read_next(const std::string& key, const std::stop_token& stop) {
    const Result<Bytes> stored = records_.get(position_.next_sequence, stop);
    const bool is_missing = !stored && stored.error().fault == Fault::missing;
    has_answered_ = has_answered_ || stored || is_missing;
    if (is_missing) {
        const std::string why = memory_.fault(position_.next_sequence, {});
        if (!why.empty()) return Error{Fault::untrusted, key + ": " + why};
    }
    // Keys that are renewed, a certificate that has run out: the store's fault, not the log's.
    if (!stored && has_answered_ && stored.error().fault == Fault::untrusted)
        return Error{Fault::transport, stored.error().detail, stored.error().retry_after_s};
    if (!stored) return stored.error();
    Result<Record> record = decode_record(*stored);
    if (!record) return Error{record.error().fault, key + ": " + record.error().detail};
    const std::string sha256 = sha256_hex(*stored);
    const Result<Done> checked = check(*record, *stored, sha256);
    if (!checked) return Error{checked.error().fault, key + ": " + checked.error().detail};
    Result<ChainPosition> reached = advance(position_, run_, *record, sha256);
    if (!reached) return Error{reached.error().fault, key + ": " + reached.error().detail};
    // Keys that were named up to there are not believed: one of them may have leaked.
    if (past_.holds(position_.next_sequence)) reached->signer = trust_.log;
    position_ = *std::move(reached);
    last_signer_ = signer_named_in(*stored);
    return record;
}

// What is asked of a record besides its place in the log.
Result<Done> ChainReader::check(const Record& record, const Bytes& stored,
                                const std::string& sha256) const {
    const auto refused = [&](const std::string& why) {
        return Error{Fault::untrusted,
                     fmt::format("record {} (epoch {}, writer {}) {}", record.sequence,
                                 record.epoch, record.writer, why)};
    };
    const std::uint64_t sequence = position_.next_sequence;
    if (past_.holds(sequence)) {
        if (!past_.is_record(sequence, sha256))
            return refused("is another than was there when the way to " + trust_.since->text() +
                           " was walked");
    } else if (position_.signer) {
        const std::string why = signature_fault(stored, std::span(&*position_.signer, 1));
        if (!why.empty()) return refused(why);
    }
    const std::string why = memory_.fault(sequence, sha256);
    if (!why.empty()) return Error{Fault::untrusted, why};
    return Done{};
}

bool ChainReader::is_behind_memory() const {
    return memory_.last() && position_.next_sequence <= memory_.last()->sequence;
}

std::vector<PublicIdentity> ChainReader::jump_signers() const {
    if (!position_.signer) return {};
    std::vector<PublicIdentity> signers = trust_.jumps;
    signers.push_back(*position_.signer);
    return signers;
}

Result<Done> ChainReader::remember() {
    if (position_.next_sequence == 0) return Done{};
    return memory_.keep({.epoch = position_.epoch,
                         .sequence = position_.next_sequence - 1,
                         .sha256 = position_.last_sha256});
}

}  // namespace dws
