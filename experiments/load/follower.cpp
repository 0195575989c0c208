#include "experiments/load/follower.h"

#include <utility>

#include "base/clock.h"

namespace dws {

Follower::Follower(const std::string& bucket_uri, const ArrayTable& table,
                   SubscriberOptions options, std::stop_token stop)
    : bucket_(open_bucket(bucket_uri, {}, {}, std::move(stop), BucketAccess::read)),
      words_(table.layout().size_bytes()),
      replica_(table, words_),
      subscriber_(bucket_, replica_, std::move(options), events()) {}

void Follower::commit_staged() {
    if (!subscriber_.has_staged()) return;
    committed_ = subscriber_.commit().version;
    committed_at_s_[committed_] = monotonic_s();
}

std::string Follower::last_fault() const {
    const std::scoped_lock lock(mutex_);
    return last_fault_;
}

SubscriberEvents Follower::events() {
    return {.rescanned =
                [this](std::int64_t, std::size_t, const Error* error) {
                    rescans_ += 1;
                    failures_ += error == nullptr ? 0 : 1;
                },
            .fault =
                [this](const Error& error, const std::string& next_action) {
                    failures_ += 1;
                    const std::scoped_lock lock(mutex_);
                    last_fault_ = error.detail + "; " + next_action;
                }};
}

}  // namespace dws
