// One rank of a trainer, for ranks_test.cpp: rank_process BUCKET ENDPOINT RANK POINT
//
// Every rank makes the same steps of RankModel and publishes its own shard. Rank 0 tells the others
// before each step what it announces, and waits for all of them after it, as a collective would.
// POINT says where the process kills itself while version 3 is on its way; "none": nowhere.
//
// A restart: a trainer would read its checkpoint and repeat the steps since. Here the words of the
// log's newest version are those of RankModel at the step that its record names, and the process
// takes the steps from there up to where the others stand; all of their changes are pending.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "base/message_socket.h"
#include "base/require.h"
#include "sync/chain.h"
#include "sync/publisher.h"
#include "sync/ranks/rank_publisher.h"
#include "tests/end_to_end/fatal_bucket.h"
#include "tests/end_to_end/rank_model.h"

namespace dws {
namespace {

using namespace std::chrono_literals;

constexpr auto kSilence = 40ms;     // after which a rank says again where it stands
constexpr double kPatience_s = 20;  // without a word from the others: the test has gone wrong
constexpr auto kStepTime = 4ms;     // what computing a step takes
constexpr double kReceiptWait_s = 0.4;
constexpr std::int64_t kMostMerged = 3;  // turns in a version: a slow disk makes no fewer of them

std::int64_t number_of(const std::string& text) {
    std::int64_t number = -1;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

template <class Value>
Value must(Result<Value> result) {
    if (!result) throw std::runtime_error(final_line(result.error()));
    return std::move(*result);
}

// The record after which the version holds; the end of the log for -1.
ChainPosition log_at(Bucket& bucket, std::int64_t version) {
    ChainReader reader(bucket, "run");
    while (version < 0 || reader.position().version < version) {
        const Result<Record> record = reader.next();
        if (!record && record.error().fault == Fault::missing && version < 0) break;
        must(record);
    }
    return reader.position();
}

// A turn is one step of the model, or after the last of them an empty one that may be cut.
class Rank {
public:
    Rank(const std::string& bucket, std::string endpoint, std::size_t rank, std::string point)
        : endpoint_(std::move(endpoint)),
          rank_(rank),
          point_(point),
          bucket_(open_bucket(bucket, {}, {}), std::move(point)),
          shards_(even_shards(model_.table(), kRanks)) {}

protected:
    ShardOptions shard() const {
        return {.run = "run",
                .rank = rank_,
                .shards = shards_,
                .encoding = Encoding::flat,
                .file_bytes = 1,
                .retry_wait_s = 0.01};
    }
    RankEvents events() {
        return {.committed =
                    [this](const Record& record) {
                        if (point_ == "after_commit" && record.version == kFatalVersion) die();
                    },
                .fault =
                    [this](const Error& error) {
                        std::printf("rank %zu: %s\n", rank_, error.detail.c_str());
                        std::fflush(stdout);
                    }};
    }
    // The words of a version that is committed.
    void go_to(const ChainPosition& position) {
        while (model_.step() < position.trainer_step) model_.take_step();
    }
    // Turns up to and with `last`, as one.
    void take_turns(std::int64_t last, const Announcement& said) {
        Pending turns;
        for (; turn_ < last; ++turn_) {
            if (model_.step() == kSteps) continue;
            Pending step;
            for (auto& [tile, changes] : model_.take_step())
                if (shards_[rank_].holds(tile)) step.changes.emplace(tile, std::move(changes));
            step.trainer_step = model_.step();
            step.steps = 1;
            turns.merge(std::move(step));
        }
        turns.trainer_step = model_.step();
        if (!publisher_->hand_over(std::move(turns), said))
            throw std::runtime_error(final_line(*publisher_->failure()));
    }

    const std::string endpoint_;
    const std::size_t rank_;
    const std::string point_;
    FatalBucket bucket_;
    RankModel model_;
    const std::vector<ShardRange> shards_;
    std::int64_t turn_ = -1;  // the last one taken; -1: this process has none behind it yet
    std::unique_ptr<RankPublisher> publisher_;  // last member: its thread ends first
};

// Says where it stands until it is told what to do.
class Follower : public Rank {
public:
    using Rank::Rank;

    void run() {
        MessageSocket socket = MessageSocket::connect(SocketKind::dealer, endpoint_);
        for (Stopwatch silence; silence.seconds() < kPatience_s;) {
            const std::optional<Frames> told = socket.receive(kSilence);
            if (told) silence = Stopwatch();
            if (told && told->at(0) == "begin") begin(number_of(told->at(1)), *told);
            if (told && told->at(0) == "turn" && turn_ >= 0) take_turn(*told);
            socket.send({std::to_string(rank_), std::to_string(::getpid()), std::to_string(turn_)});
        }
        throw std::runtime_error("rank 0 has said nothing");
    }

private:
    // {"begin", version, turn}
    void begin(std::int64_t version, const Frames& told) {
        if (turn_ >= 0) return;
        const ChainPosition position = log_at(bucket_, version);
        go_to(position);
        publisher_ = RankPublisher::follow(bucket_, model_.table(), shard(), events(), version);
        turn_ = position.trainer_step;
        take_turns(number_of(told.at(2)), {.committed_version = version, .cut = {}});
    }
    // {"turn", number, committed version [, epoch, version, base version, attempt]}
    void take_turn(const Frames& told) {
        if (number_of(told.at(1)) != turn_ + 1) return;  // told again
        Announcement said{.committed_version = number_of(told.at(2)), .cut = std::nullopt};
        if (told.size() > 3)
            said.cut = Cut{.epoch = static_cast<std::uint64_t>(number_of(told.at(3))),
                           .version = number_of(told.at(4)),
                           .base_version = number_of(told.at(5)),
                           .attempt = told.at(6)};
        take_turns(turn_ + 1, said);
    }
};

class Leader : public Rank {
public:
    using Rank::Rank;

    void run() {
        if (log_at(bucket_, -1).next_sequence == 0) write_anchor();
        const ChainPosition position = log_at(bucket_, -1);
        go_to(position);
        publisher_ = must(RankPublisher::lead(bucket_, model_.table(), shard(),
                                              {.run = "run",
                                               .shards = shards_,
                                               .doorbell = {},
                                               .receipt_wait_s = kReceiptWait_s,
                                               .receipt_poll = 3ms,
                                               .retry_wait_s = 0.01},
                                              events(), position));
        socket_ = MessageSocket::bind(SocketKind::router, endpoint_);
        join(position);
        while (model_.step() < kSteps || has_unpublished()) {
            std::this_thread::sleep_for(kStepTime);
            if (turn_ % kMostMerged == 0) settle();
            const Announcement said = publisher_->announcement();
            last_turn_ = frames_of(turn_ + 1, said);
            for (const auto& [rank, identity] : identities_) send(identity, last_turn_);
            take_turns(turn_ + 1, said);
            wait_for_all();
        }
        must(publisher_->finish({}));
    }

private:
    void write_anchor() {
        PublisherOptions options;
        options.run = "run";
        const auto publisher = must(Publisher::start_new(bucket_, model_.table(), options, {}));
        must(publisher->publish_anchor(model_.words(), 0, {}));
    }

    void settle() {
        if (!publisher_->settle({})) throw std::runtime_error(final_line(*publisher_->failure()));
    }
    // After the model's last step every turn waits for the attempt before.
    bool has_unpublished() {
        settle();
        return publisher_->has_unpublished();
    }

    static Frames frames_of(std::int64_t turn, const Announcement& said) {
        Frames frames{"turn", std::to_string(turn), std::to_string(said.committed_version)};
        if (said.cut) {
            frames.push_back(std::to_string(said.cut->epoch));
            frames.push_back(std::to_string(said.cut->version));
            frames.push_back(std::to_string(said.cut->base_version));
            frames.push_back(said.cut->attempt);
        }
        return frames;
    }
    void send(const std::string& identity, Frames frames) {
        frames.insert(frames.begin(), identity);
        socket_->send(frames);
    }

    // Where a rank says it stands.
    struct Word {
        std::string identity;
        std::int64_t rank;
        std::string process;
        std::int64_t turn;  // -1: it has just started
    };
    std::optional<Word> hear() {
        const std::optional<Frames> heard = socket_->receive(kSilence);
        if (!heard) return std::nullopt;
        Word word{heard->at(0), number_of(heard->at(1)), heard->at(2), number_of(heard->at(3))};
        identities_[word.rank] = word.identity;
        return word;
    }

    // All ranks at one turn, that of the furthest: the dead rank 0 may have told one of them more
    // than another. What it had announced can no longer be committed, so these turns merge.
    void join(const ChainPosition& position) {
        std::map<std::int64_t, std::int64_t> turns;
        turn_ = position.trainer_step;
        std::int64_t furthest = turn_;
        for (const Stopwatch waited; turns.size() < kRanks - 1;) {
            require(waited.seconds() < kPatience_s, "all ranks say where they stand");
            if (const std::optional<Word> word = hear()) {
                turns[word->rank] = word->turn;
                furthest = std::max(furthest, word->turn);
            }
        }
        const Announcement merge{.committed_version = position.version, .cut = std::nullopt};
        take_turns(furthest, merge);
        last_turn_ = frames_of(furthest, merge);
        wait_for_all();
    }

    // Every rank has taken this turn; one that has just started is told where to begin, once no
    // attempt is open.
    void wait_for_all() {
        std::map<std::int64_t, std::int64_t> turns;
        const auto is_done = [&] {
            std::size_t done = 0;
            for (const auto& [rank, turn] : turns) done += turn == turn_;
            return done == kRanks - 1;
        };
        for (const Stopwatch waited; !is_done();) {
            require(waited.seconds() < kPatience_s, "all ranks take every turn");
            const std::optional<Word> word = hear();
            if (!word) continue;
            turns[word->rank] = word->turn;
            if (word->turn < 0) {
                begin(*word);
            } else if (word->turn + 1 == turn_) {
                send(word->identity, last_turn_);
            } else if (word->turn < turn_) {
                const Announcement merge{.committed_version = publisher_->committed_version(),
                                         .cut = std::nullopt};
                send(word->identity, frames_of(word->turn + 1, merge));
            }
        }
    }
    void begin(const Word& word) {
        if (!begun_.insert(word.process).second) return;
        settle();
        send(word.identity,
             {"begin", std::to_string(publisher_->committed_version()), std::to_string(turn_)});
    }

    std::optional<MessageSocket> socket_;
    std::map<std::int64_t, std::string> identities_;  // by rank
    std::set<std::string> begun_;                     // processes that were told where to begin
    Frames last_turn_;
};

int run_main(int arguments, char** argument) {
    require(arguments == 5, "rank_process BUCKET ENDPOINT RANK POINT");
    const auto rank = static_cast<std::size_t>(number_of(argument[3]));
    try {
        if (rank == 0) Leader(argument[1], argument[2], rank, argument[4]).run();
        if (rank > 0) Follower(argument[1], argument[2], rank, argument[4]).run();
        return 0;
    } catch (const std::exception& fault) {
        std::printf("rank %zu ends: %s\n", rank, fault.what());
        return 1;
    }
}

}  // namespace
}  // namespace dws

int main(int arguments, char** argument) { return dws::run_main(arguments, argument); }
