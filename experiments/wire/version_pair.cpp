#include "experiments/wire/version_pair.h"

#include "base/require.h"
#include "sync/words.h"

namespace dws {

namespace {

std::uint64_t count_changed(const Bytes& base, const Bytes& next) {
    std::uint64_t changed = 0;
    for (std::size_t offset = 0; offset < base.size(); offset += 2) {
        changed += load_word<std::uint16_t>(base.data() + offset) !=
                   load_word<std::uint16_t>(next.data() + offset);
    }
    return changed;
}

}  // namespace

std::size_t padded_bytes(const ArrayTable& table) {
    return (table.layout().size_bytes() + kBufferBlockBytes - 1) / kBufferBlockBytes *
           kBufferBlockBytes;
}

VersionPair::VersionPair(std::string label_, ArrayTable table_, Bytes base_, Bytes next_)
    : label(std::move(label_)),
      table(std::move(table_)),
      base(std::move(base_)),
      next(std::move(next_)) {
    require(table.word_bytes() == 2 * table.words(), "all arrays have 16-bit words");
    base.resize(padded_bytes(table));
    next.resize(padded_bytes(table));
    changed_words = count_changed(base, next);
}

}  // namespace dws
