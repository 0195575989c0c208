#include "experiments/qwen3_sync/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "sync/parallel.h"
#include "trainer_bridge/run_events.h"
#include "trainer_bridge/trainer_trust.h"

namespace dws {
namespace {

std::unique_ptr<Publisher> start(const Config& config, const ArrayTable& table, Bucket& bucket,
                                 EventLog& log) {
    PublisherOptions options;
    options.run = config.run.name;
    options.encoding = *encoding_named(config.sync.encoding);
    options.file_bytes = static_cast<std::size_t>(config.sync.file_mib) << 20;
    options.files_in_flight = static_cast<std::size_t>(config.sync.files_in_flight);
    options.doorbell = trainer_trust(config).inside;
    auto publisher =
        Publisher::start_new(bucket, table, std::move(options), publisher_events(log, table));
    if (!publisher) throw std::runtime_error(final_line(publisher.error()));
    return std::move(*publisher);
}

// As the fused optimizer step makes it, tile by tile.
EncodedStep encode(const ArrayTable& table, const Changes& changes,
                   std::span<const std::byte> before, std::span<const std::byte> after,
                   StepEncoder& encoder, std::size_t threads) {
    const std::vector<std::uint16_t> none;
    encoder.begin();
    for_each_piece(threads, encoder.runs(), [&](std::size_t thread, std::size_t run) {
        for (std::size_t index = encoder.first_tile(run); index < encoder.end_tile(run); ++index) {
            const Tile tile = table.tile(index);
            const std::size_t size = tile.words * tile.word_bytes;
            const auto found = changes.find(index);
            encoder.add(thread, index, found == changes.end() ? none : found->second.positions,
                        before.subspan(tile.offset_bytes, size),
                        after.subspan(tile.offset_bytes, size));
        }
    });
    return encoder.finish();
}

}  // namespace

Replay::Replay(const Config& config, const ArrayTable& table, VersionTape& tape, Bucket& bucket,
               WorkerWatch& worker, EventLog& log)
    : config_(config),
      table_(table),
      tape_(tape),
      worker_(worker),
      log_(log),
      publisher_(start(config, table, bucket, log)) {
    const Encoding encoding = *encoding_named(config.sync.encoding);
    if (is_compact(encoding))
        encoder_.emplace(table, encoding, static_cast<std::size_t>(config.trainer.threads));
}

void Replay::play(const ReplayPlan& plan, std::stop_token stop) {
    check(static_cast<bool>(publisher_->publish_anchor(tape_.words(), 0, {}, stop)), stop);
    worker_.wait_for_commit(0, stop);
    worker_.wait_for_tokens(stop);
    for (std::int64_t round = 0; round < plan.rounds && !stop.stop_requested(); ++round) {
        const double quiet_from_s = wall_s();
        sleep_or_stop(plan.quiet_s, stop);
        if (plan.quiet_s > 0) stretch(false, quiet_from_s);
        const double busy_from_s = wall_s();
        for (std::int64_t sync = 0; sync < plan.syncs && !stop.stop_requested(); ++sync) {
            if (wall_s() - busy_from_s >= plan.busy_s) break;
            const Stopwatch since_begun;
            sync_one(plan.is_dense, stop);
            sleep_or_stop(std::max(0.0, plan.every_s - since_begun.seconds()), stop);
        }
        stretch(true, busy_from_s);
    }
    sleep_or_stop(plan.quiet_s > 0 ? 1.5 : 0, stop);  // until the last count of tokens is written
    check(static_cast<bool>(publisher_->finish(stop)), stop);
}

void Replay::stretch(bool is_busy, double from_unix_s) {
    log_.write("stretch", "",
               {{"is_busy", is_busy}, {"from_unix_s", from_unix_s}, {"to_unix_s", wall_s()}});
}

void Replay::sync_one(bool is_dense, std::stop_token stop) {
    const Changes& changes = tape_.step();
    version_ += 1;
    if (is_dense)
        send_whole(stop);
    else
        send_changes(changes, stop);
    worker_.wait_for_commit(version_, stop);
}

void Replay::send_whole(std::stop_token stop) {
    check(static_cast<bool>(publisher_->publish_anchor(tape_.words(), version_, {}, stop)), stop);
}

void Replay::send_changes(const Changes& changes, std::stop_token stop) {
    const double started_unix_s = wall_s();
    bool is_taken = false;
    if (encoder_) {
        const Stopwatch encoding;
        EncodedStep step = encode(table_, changes, tape_.words_before(), tape_.words(), *encoder_,
                                  static_cast<std::size_t>(config_.trainer.threads));
        step.trainer_step = version_;
        log_.write("encoded", "",
                   {{"version", version_},
                    {"started_unix_s", started_unix_s},
                    {"encode_ms", encoding.ms()}});
        is_taken = publisher_->hand_over(std::move(step));
    } else {
        Pending pending;
        pending.changes = changes;
        pending.trainer_step = version_;
        pending.steps = 1;
        is_taken = publisher_->hand_over(std::move(pending));
    }
    check(is_taken && publisher_->flush(stop), stop);
}

void Replay::check(bool is_fine, std::stop_token stop) const {
    if (is_fine || stop.stop_requested()) return;
    const std::optional<Error> failure = publisher_->failure();
    throw std::runtime_error("cannot publish: " +
                             (failure ? final_line(*failure) : std::string("it has stopped")));
}

}  // namespace dws
