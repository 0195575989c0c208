#include "experiments/density/game_archive.h"

#include <memory>
#include <stdexcept>
#include <utility>

#include "sync/bucket/bucket.h"

namespace dws {
namespace {

template <class T>
T value_of(Result<T> result, const std::string& what) {
    if (result) return std::move(*result);
    throw std::runtime_error(what + ": " + final_line(result.error()));
}

}  // namespace

std::vector<GameGroup> read_games(const std::string& uri, const std::string& run,
                                  const Trainer& trainer, std::size_t most) {
    const std::unique_ptr<Bucket> bucket = open_bucket(uri, {}, {}, {}, BucketAccess::read);
    const std::string prefix = run + "/games/";
    std::vector<GameGroup> groups;
    for (const std::string& key : value_of(bucket->list(prefix, Listing::objects), prefix)) {
        if (groups.size() == most) break;
        const ByteRange whole{.offset = 0, .length = kMaxGroupBytes};
        GameGroup group = value_of(decode_group(value_of(bucket->get(key, whole), key)), key);
        value_of(trainer.check(group), key);
        if (!group.is_demonstration && trainer.can_learn_from(group))
            groups.push_back(std::move(group));
    }
    if (groups.empty()) throw std::runtime_error(prefix + ": no group to learn from");
    return groups;
}

}  // namespace dws
