#include "experiments/wire/run_pairs.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "experiments/wire/recorded_run.h"

namespace dws {

void for_each_run_pair(const std::filesystem::path& folder, const std::string& run,
                       std::size_t versions, const PairVisit& visit) {
    RecordedRun recorded(folder.string(), run);
    const ArrayTable& table = recorded.table();
    if (table.word_bytes() != 2 * table.words())
        throw std::runtime_error(run + ": its words have not 16 bits");
    const std::size_t deltas = recorded.remaining();
    const std::size_t stride = std::max<std::size_t>(1, deltas / versions);
    std::size_t visited = 0;
    for (std::size_t index = 0; index < deltas && visited < versions; ++index) {
        const bool is_chosen = index % stride == stride / 2;
        Bytes base = is_chosen ? recorded.words() : Bytes{};
        if (recorded.advance().empty() || !is_chosen) continue;
        ++visited;
        visit(VersionPair("v" + std::to_string(recorded.version()), table, std::move(base),
                          recorded.words()));
    }
}

}  // namespace dws
