#include "trainer_bridge/checkpoint_keeper.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/clock.h"

namespace dws {
namespace {

void say_fault(EventLog& log, const Error& error) {
    log.write("fault",
              fmt::format("fault in checkpoint | {}; the run goes on, older checkpoints stay",
                          error.detail),
              {{"where", std::string("checkpoint")},
               {"fault", std::string(name_of(error.fault))},
               {"detail", error.detail}});
}

}  // namespace

std::int64_t CheckpointKeeper::overdue_steps() const {
    if (newest_step_ == INT64_MIN) return 0;
    return trainer_.step_number() - newest_step_ - plan_.every_steps;
}

void CheckpointKeeper::save_first() {
    if (!is_on()) return;
    const Stopwatch watch;
    save(0, sum(digest_tiles(table_, trainer_.published_words())));
    spent_s_ += watch.seconds();
}

void CheckpointKeeper::offer(Publisher& publisher, std::stop_token stop) {
    if (!is_on() || overdue_steps() < 0) return;
    const Stopwatch watch;
    std::optional<ChainPosition> position = publisher.settled_position();
    if (!position && overdue_steps() >= plan_.every_steps && publisher.flush(stop)) {
        position = publisher.settled_position();
    }
    if (position) save_at(*position);
    spent_s_ += watch.seconds();
}

void CheckpointKeeper::save_last(const Publisher& publisher) {
    if (!is_on() || newest_step_ == trainer_.step_number()) return;
    const std::optional<ChainPosition> position = publisher.settled_position();
    if (position) save_at(*position);
}

double CheckpointKeeper::take_s() { return std::exchange(spent_s_, 0.0); }

// A checkpoint under a wrong digest would be found out only when it is needed.
void CheckpointKeeper::save_at(const ChainPosition& position) {
    const Digest held = sum(digest_tiles(table_, trainer_.published_words()));
    if (held == position.digest && trainer_.step_number() == position.trainer_step) {
        save(position.next_sequence - 1, held);
        return;
    }
    newest_step_ = trainer_.step_number();
    say_fault(log_, {Fault::corrupt,
                     fmt::format("the trainer's words at step {} (digest {}) are not those of "
                                 "version {} at step {} (digest {}): memory is damaged; resume "
                                 "from the last checkpoint",
                                 trainer_.step_number(), held.hex(), position.version,
                                 position.trainer_step, position.digest.hex())});
}

void CheckpointKeeper::save(std::uint64_t sequence, const Digest& digest) {
    const Stopwatch watch;
    const TrainingState state = trainer_.training_state();
    newest_step_ = state.step_number;
    const Result<CheckpointFolder::Written> written =
        folder_.write({.run = plan_.run,
                       .sequence = sequence,
                       .trainer_step = state.step_number,
                       .optimizer_steps = state.optimizer_steps,
                       .digest = digest,
                       .layout_hash = table_.layout_hash(),
                       .settings = plan_.settings},
                      state);
    if (!written) return say_fault(log_, written.error());
    log_.write("checkpoint",
               fmt::format("checkpoint of step {} | {:.1f} MB in {:.2f} s", state.step_number,
                           1e-6 * static_cast<double>(written->size_bytes), watch.seconds()),
               {{"step", state.step_number},
                {"sequence", static_cast<std::int64_t>(sequence)},
                {"digest", digest.hex()},
                {"file", written->file.string()},
                {"size_bytes", static_cast<std::int64_t>(written->size_bytes)},
                {"write_s", watch.seconds()}});
}

}  // namespace dws
