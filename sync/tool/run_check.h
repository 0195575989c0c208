// What a run's log and jumps claim, checked from nothing but the bucket: every version rebuilt,
// every digest compared, every game counted once. What `dws gc` removed is passed over: versions
// before the first anchor that is there whole. From there on everything must be there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "sync/fetch.h"
#include "sync/replica.h"
#include "sync/upkeep/run_contents.h"

namespace dws {

class RunCheck {
public:
    // bucket is not owned and outlives this. threads: of decoding and of reading all words.
    RunCheck(Bucket& bucket, std::string run, std::size_t threads, std::stop_token stop)
        : bucket_(bucket), run_(std::move(run)), threads_(threads), stop_(std::move(stop)) {}

    // First: lists the log, objects and jumps. Fault::corrupt: a jump's entry is none, or its
    // objects are not there.
    Result<Done> begin();
    // Each record, in order.
    Result<Done> accept(const LoggedRecord& entry);
    // Last: whether anything that was listed or needed never came, or a jump is a stranger's.
    // signers: of jumps, as ChainReader::jump_signers() says at the log's end.
    Result<Done> end(const std::vector<PublicIdentity>& signers) const;

    std::size_t records = 0;
    std::size_t versions = 0;               // rebuilt
    std::size_t jumps = 0;                  // whose words were proven
    std::size_t jumps_not_rebuilt = 0;      // sound entries that start before the first rebuilt
    std::vector<std::int64_t> not_rebuilt;  // versions before the first anchor that is there whole
    std::int64_t first_rebuilt = -1;
    std::string digest() const { return weights_ ? weights_->replica.digest().hex() : "none"; }

private:
    // The run's weights, as the objects alone give them.
    struct Weights {
        Weights(ArrayTable table_, std::size_t threads)
            : table(std::move(table_)), replica(table, words, {}, {threads, threads}) {}

        const ArrayTable table;
        Bytes words = Bytes(table.layout().size_bytes());
        Replica replica;
    };

    Result<Done> check_games(const Record& record);
    Result<Done> check_version(const LoggedRecord& entry);
    Result<Done> begin_weights(const Record& anchor);
    Result<StagedVersion> stage(const Record& record) const;
    Result<Done> check_files(const Record& record);
    Result<Done> check_jumps_to(const LoggedRecord& entry);
    Result<Done> check_jumps_at(std::int64_t version);

    Bucket& bucket_;
    const std::string run_;
    const std::size_t threads_;
    const std::stop_token stop_;
    const ObjectSource source_ = [this](const ObjectRef& object) -> Result<Bytes> {
        if (stop_.stop_requested()) return Error{Fault::transport, "stopped"};
        return fetch_object(bucket_, run_, object);
    };
    std::uint64_t listed_log_end_ = 0;
    std::set<std::string> objects_;
    std::vector<FoundJump> jumps_;
    // By the version they lead to, and by that they can be rebuilt at: a fold's base, an anchor's
    // own. Indices into jumps_.
    std::multimap<std::int64_t, std::size_t> by_version_;
    std::multimap<std::int64_t, std::size_t> by_start_;
    std::unique_ptr<Weights> weights_;  // the replica points into it: it stays where it is
    std::set<std::int64_t> seen_versions_;
    std::set<std::string> sound_files_;  // that accompany versions; many name the same one
    std::map<std::string, std::int64_t> next_games_;  // worker -> first group in no record
};

}  // namespace dws
