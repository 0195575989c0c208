// The last versions of a recorded run, in memory, played forwards and backwards as long as anybody
// wants to hear them: real changes for a publisher without a trainer.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/huge_pages.h"
#include "experiments/wire/recorded_run.h"

namespace dws {

class VersionTape {
public:
    // Takes the run to its end and keeps its last `versions` changes; the tape stands before the
    // first of them. Memory: the words twice, and 10 bytes for each change kept. Throws
    // std::runtime_error when the run holds none, or as RecordedRun says.
    VersionTape(RecordedRun& run, std::size_t versions);

    // The words where the tape stands, and those before the last step. (size,) of the run's table.
    std::span<const std::byte> words() const { return words_; }
    std::span<const std::byte> words_before() const { return before_; }

    // One version on, and back again from the end: what changed, old words and new ones.
    const Changes& step();

private:
    const ArrayTable& table_;
    std::vector<Changes> changes_;  // towards the run's end where not is_turned_, else back again
    std::vector<bool> is_turned_;   // (changes,)
    std::size_t position_ = 0;      // versions before the one it stands at
    bool is_forward_ = true;
    const Changes* last_ = nullptr;  // what words_ is ahead of before_
    HugeVector<std::byte> words_, before_;
};

}  // namespace dws
