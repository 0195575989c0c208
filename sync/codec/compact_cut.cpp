#include "sync/codec/compact_cut.h"

#include <utility>

#include "base/require.h"

namespace dws {

bool CompactCutter::add(CompactBody run) {
    require(run.first_tile == next_tile_, "a delta's tiles come in order");
    next_tile_ += run.lengths.size();
    run_bytes_ += run.tiles.size();
    runs_.push_back(std::move(run));
    return run_bytes_ < file_bytes_ || flush();
}

bool CompactCutter::finish() {
    require(next_tile_ == table_.tiles(), "a delta's files hold every tile of the table");
    if (has_written_ && runs_.empty()) return true;
    if (runs_.empty()) runs_.push_back({});  // of a table without tiles
    return flush();
}

// The runs go before the sink is asked: it may wait, and only the file is in memory then.
bool CompactCutter::flush() {
    Bytes file = write_compact_file(table_, versions_, classes_, runs_);
    runs_.clear();
    run_bytes_ = 0;
    has_written_ = true;
    return sink_(std::move(file));
}

}  // namespace dws
