// Which group the inbox asks the bucket for next, and in which order groups are handed out. Numbers
// and times only, so that a test is its clock; the inbox has the threads and the bucket. Times are
// seconds on one clock that never jumps.
//
// A worker who has groups waiting is read ahead: one more number under way for each that came, up
// to 16. Where one is absent the reading ahead ends, and that number alone is asked for again: a
// worker that was silent for so long after an eighth of that time, one hour at most. So the
// thousands of names that a long run leaves behind cost next to nothing, and nobody is found later
// than after an eighth of their own silence, or one poll.
//
// A gap: a number is absent and a later one of the same worker is there. Its worker was killed
// while it wrote several at once, or the object was removed. When the later one has been there for
// `gap_s`, the absent one is handed out as refused and the next ones are read. Later ones are seen
// by reading ahead and, of a worker silent for half that time, by listing its folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/games/game_box.h"

namespace dws {

struct GameAsk {
    enum class What { group, folder };  // a get of the number; a listing of what the worker has
    What what = What::group;
    std::string worker;
    std::int64_t number = 0;
};

class FetchPlan {
public:
    // cursors: worker -> number to begin with. poll_s: the shortest time between two looks.
    FetchPlan(const std::map<std::string, std::int64_t>& cursors, double poll_s, double gap_s,
              double now_s);

    void add(const std::string& worker, double now_s);  // begins at 0; one known already stays
    bool knows(const std::string& worker) const { return senders_.contains(worker); }
    std::size_t workers() const { return senders_.size(); }

    // What to ask now, if anything; it is under way until one of the four below. room: groups that
    // there is memory for. A group that is found takes the room that its ask took.
    std::optional<GameAsk> next_ask(double now_s, std::size_t room);
    // Groups under way or kept until an earlier one of their worker is here.
    std::size_t groups() const { return groups_; }
    // When there may be something to ask although nothing happened until then.
    double next_due_s() const;

    // The answers. Those of a group return what is to be handed out now, in order.
    std::vector<ReceivedGroup> found(ReceivedGroup group, double now_s);
    std::vector<ReceivedGroup> missing(const GameAsk& ask, double now_s);
    // numbers: of all groups in the folder, in any order.
    void listed(const GameAsk& ask, const std::vector<std::int64_t>& numbers, double now_s);
    // Nobody answered: nothing is asked for `wait_s`, one poll at least, and what is absent has yet
    // to be seen so.
    void unanswered(const GameAsk& ask, double now_s, double wait_s = 0);

    // A ring. worker: whom the hint names; empty: everybody heard of in the last ten minutes.
    void rung(const std::string& worker, double now_s);

private:
    struct Sighting {
        std::int64_t number = 0;
        double since_s = 0;
    };
    // How one worker's numbers are followed. A group that is kept has the next one under way.
    struct Sender {
        std::int64_t next = 0;             // first not handed out
        std::int64_t window = 1;           // numbers from next on that may be asked
        std::set<std::int64_t> under_way;  // asked
        std::map<std::int64_t, ReceivedGroup> kept;
        std::optional<std::int64_t> absent;  // nothing is asked beyond it
        std::optional<Sighting> later;       // seen beyond an absent one; the earliest sight
        double silent_since_s = 0;           // the last sign of life
        double due_s = 0;                    // when the absent one is asked again
        double list_due_s = 0;               // when the folder may be listed
        bool is_listing = false;
        bool is_rung = false;  // while something was under way: what is absent may be there by now

        bool waits() const { return absent == next && !under_way.contains(next); }
        bool knows_gap() const { return later && later->number > next; }
    };
    using Senders = std::map<std::string, Sender>;

    std::optional<GameAsk> ask_ahead();
    std::optional<GameAsk> ask_silent(double now_s);
    std::optional<std::int64_t> next_number(const Sender& sender) const;
    void end_at(Sender& sender, std::int64_t number, double now_s);
    void see(Sender& sender, std::int64_t number, double now_s);
    void set_due(Sender& sender, double now_s);
    std::vector<ReceivedGroup> hand_out(Sender& sender, double now_s);
    bool is_lost(const Sender& sender, double now_s) const;

    const double poll_s_;
    const double gap_s_;
    Senders senders_;   // by worker
    std::string turn_;  // whose group was asked ahead last: the next one is another's
    std::size_t asks_ = 0;
    std::size_t groups_ = 0;
    double paused_until_s_ = 0;
};

}  // namespace dws
