#include "experiments/qwen3_sync/version_tape.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace dws {

namespace {

void turn(Changes& changes) {
    for (auto& [tile, found] : changes) std::swap(found.before, found.after);
}

}  // namespace

VersionTape::VersionTape(RecordedRun& run, std::size_t versions) : table_(run.table()) {
    while (run.remaining() > versions) run.advance();
    words_.assign(run.words().begin(), run.words().end());
    before_ = words_;
    while (run.remaining() > 0) {
        Changes changes = run.advance();
        if (!changes.empty()) changes_.push_back(std::move(changes));
    }
    if (changes_.empty()) throw std::runtime_error("a run without versions after its anchor");
    is_turned_.assign(changes_.size(), false);
}

const Changes& VersionTape::step() {
    if (last_ != nullptr) patch(table_, *last_, before_);
    if (position_ == changes_.size()) is_forward_ = false;
    if (position_ == 0) is_forward_ = true;
    const std::size_t index = is_forward_ ? position_ : position_ - 1;
    if (is_turned_[index] == is_forward_) {
        turn(changes_[index]);
        is_turned_[index] = !is_turned_[index];
    }
    position_ = is_forward_ ? position_ + 1 : position_ - 1;
    last_ = &changes_[index];
    patch(table_, *last_, words_);
    return *last_;
}

}  // namespace dws
