#include "sync/jump_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "sync/envelope.h"
#include "sync/parallel.h"

namespace dws {
namespace {

// The newest anchor serves; a few more, should its files be gone or damaged.
constexpr std::size_t kMaxAnchorsRead = 4;
// Small objects, four at a time: about a second at 30 ms each.
constexpr std::size_t kMaxFoldsRead = 128;
constexpr std::size_t kReadsInFlight = 4;

std::vector<JumpEnds> within(const std::vector<std::string>& keys, std::int64_t held,
                             std::int64_t target, const VersionHistory& history) {
    const std::int64_t lowest_base = std::max(held, history.oldest_version());
    std::vector<JumpEnds> useful;
    for (const std::string& key : keys) {
        const std::optional<JumpEnds> ends = jump_ends(key);
        if (!ends || ends->version <= held || ends->version > target) continue;
        const bool is_anchor = ends->base_version < 0;
        if ((is_anchor || ends->base_version >= lowest_base) && !history.knows(*ends))
            useful.push_back(*ends);
    }
    return useful;
}

// The newest anchors, and the folds that save most versions.
std::vector<JumpEnds> chosen(std::vector<JumpEnds> useful) {
    const auto folds = std::partition(useful.begin(), useful.end(),
                                      [](const JumpEnds& ends) { return ends.base_version < 0; });
    const auto is_newer = [](const JumpEnds& one, const JumpEnds& other) {
        return one.version > other.version;
    };
    const auto is_wider = [](const JumpEnds& one, const JumpEnds& other) {
        const std::int64_t one_span = one.version - one.base_version;
        const std::int64_t other_span = other.version - other.base_version;
        return one_span != other_span ? one_span > other_span : one.version > other.version;
    };
    std::vector<JumpEnds> anchors(useful.begin(), folds);
    std::vector<JumpEnds> most(folds, useful.end());
    std::ranges::sort(anchors, is_newer);
    std::ranges::sort(most, is_wider);
    anchors.resize(std::min(anchors.size(), kMaxAnchorsRead));
    most.resize(std::min(most.size(), kMaxFoldsRead));
    anchors.insert(anchors.end(), most.begin(), most.end());
    return anchors;
}

}  // namespace

Result<Bytes> fetch_jump(Bucket& bucket, const std::string& run, const JumpEnds& ends) {
    // One byte more than it may have, so that a longer one is seen to be longer.
    return bucket.get(jump_key(run, ends.base_version, ends.version),
                      {.length = kMaxRecordBytes + 1});
}

Result<Jump> open_jump(std::span<const std::byte> stored, const std::string& run,
                       const JumpEnds& ends, std::span<const PublicIdentity> signers) {
    Result<Jump> jump = decode_jump(stored);
    if (jump && (jump->run != run || jump->version != ends.version ||
                 jump->base_version != ends.base_version))
        return Error{Fault::corrupt, "it is another run's or another key's entry"};
    const std::string why =
        jump && !signers.empty() ? signature_fault(stored, signers) : std::string();
    if (!why.empty()) return Error{Fault::untrusted, "the jump " + why};
    return jump;
}

void add_jumps(Bucket& bucket, const std::string& run, std::int64_t held, std::int64_t target,
               VersionHistory& history,
               const std::function<void(const Error&, const std::string& key)>& passed_over,
               std::stop_token stop) {
    const auto pass_over = [&](const Error& error, const std::string& key) {
        if (passed_over) passed_over(Error{error.fault, key + ": " + error.detail}, key);
    };
    const std::string folder = run + "/jumps/";
    const Result<std::vector<std::string>> keys = bucket.list(folder, Listing::objects);
    if (!keys) return pass_over(keys.error(), folder);
    const std::vector<JumpEnds> wanted = chosen(within(*keys, held, target, history));
    std::vector<Result<Jump>> jumps(wanted.size(), Error{Fault::missing, "stopped"});
    for_each_piece(std::min(kReadsInFlight, wanted.size()), wanted.size(),
                   [&](std::size_t, std::size_t index) {
                       if (stop.stop_requested()) return;
                       const Result<Bytes> stored = fetch_jump(bucket, run, wanted[index]);
                       jumps[index] =
                           stored ? open_jump(*stored, run, wanted[index], history.jump_signers())
                                  : Result<Jump>(stored.error());
                   });
    for (std::size_t index = 0; index < wanted.size(); ++index) {
        const Result<Jump>& jump = jumps[index];
        const Result<Done> added = jump ? history.add(*jump) : Result<Done>(jump.error());
        if (added || added.error().fault == Fault::missing) continue;
        if (added.error().fault != Fault::transport) history.refuse(wanted[index]);
        pass_over(added.error(), jump_key(run, wanted[index].base_version, wanted[index].version));
    }
}

}  // namespace dws
