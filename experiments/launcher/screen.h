// What a person sees while a run goes on: one screen, redrawn in place, on a terminal; a line now
// and then otherwise.
#pragma once

#include "base/clock.h"
#include "experiments/launcher/story.h"

namespace dws {

class Screen {
public:
    explicit Screen(bool is_live) : is_live_(is_live) {}
    void show(const Story& story);    // often; draws four times a second, prints every ten
    void finish(const Story& story);  // leaves the last state standing

private:
    void draw(const Story& story);
    void print_line(const Story& story);

    const bool is_live_;
    double drawn_at_s_ = 0;
    int lines_drawn_ = 0;
};

}  // namespace dws
