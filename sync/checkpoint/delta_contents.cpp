#include "sync/checkpoint/delta_contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "base/safetensors.h"
#include "sync/codec/bit_stream.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/compact_format.h"
#include "sync/codec/interchange.h"
#include "sync/words.h"

namespace dws {
namespace {

constexpr unsigned kModeBits = 3;  // of a tile's first byte: a mask of two bits

Error corrupt(std::string what) { return Error{Fault::corrupt, "delta: " + std::move(what)}; }

// The tiles of a compact file, whether or not their arrays are known.
struct Tiles {
    std::size_t first_tile = 0;
    std::vector<std::span<const std::byte>> tiles;
    std::set<std::size_t> threshold_counts;  // of the dtypes that have classes
    std::map<DType, std::size_t> thresholds;
};

Result<Tiles> tiles_of(const SafetensorsView& view) {
    const TensorView* index = view.find("index");
    const TensorView* body = view.find("tiles");
    if (index == nullptr || body == nullptr || index->spec.dtype != DType::kU32)
        return corrupt("without its index or its tiles");
    Tiles found;
    const auto first = view.metadata().find("first_tile");
    if (first == view.metadata().end()) return corrupt("metadata has no first_tile");
    std::from_chars(first->second.data(), first->second.data() + first->second.size(),
                    found.first_tile);
    std::span<const std::byte> rest = body->data;
    for (std::size_t offset = 0; offset < index->data.size(); offset += 4) {
        const std::size_t length = load_word<std::uint32_t>(index->data.data() + offset);
        if (length > rest.size()) return corrupt("tiles are cut short");
        found.tiles.push_back(rest.first(length));
        rest = rest.subspan(length);
    }
    for (const TensorView& tensor : view.tensors()) {
        constexpr std::string_view kPrefix = "classes.";
        if (!tensor.spec.name.starts_with(kPrefix)) continue;
        const auto dtype = dtype_named(tensor.spec.name.substr(kPrefix.size()));
        if (!dtype || tensor.data.size() > kMaxThresholds) return corrupt("classes of no dtype");
        found.threshold_counts.insert(tensor.data.size());
        found.thresholds[*dtype] = tensor.data.size();
    }
    return found;
}

// How many words of the tile change; empty: it does not say.
std::optional<std::uint64_t> changes_in(std::span<const std::byte> tile, std::size_t words,
                                        std::optional<std::size_t> thresholds) {
    std::array<std::byte, kMaxHeaderBits / 8 + 1 + kBitSlackBytes> start{};
    std::copy_n(tile.begin(), std::min(tile.size(), kMaxHeaderBits / 8 + 1), start.begin());
    const auto mode = static_cast<TileMode>(std::to_integer<unsigned>(tile[0]) & kModeBits);
    if (mode == TileMode::raw || (mode == TileMode::classes && !thresholds)) return std::nullopt;
    const std::optional<TileHeader> header =
        read_header(start.data(), words, thresholds.value_or(0));
    if (!header) return std::nullopt;
    return header->changes();
}

void count_mode(std::span<const std::byte> tile, DeltaContents& contents) {
    if (tile.empty()) {
        contents.untouched += 1;
        return;
    }
    const auto mode = static_cast<TileMode>(std::to_integer<unsigned>(tile[0]) & kModeBits);
    contents.flat += mode == TileMode::flat ? 1 : 0;
    contents.classes += mode == TileMode::classes ? 1 : 0;
    contents.raw += mode == TileMode::raw ? 1 : 0;
}

// One more tile of the array the list ends with, or of a new one.
void add_to_array(const ArrayTable& table, const Tile& tile, std::size_t bytes,
                  std::optional<std::uint64_t> changed, std::vector<DeltaArray>& arrays) {
    const TensorSpec& spec = table.layout().specs()[tile.array];
    if (arrays.empty() || arrays.back().name != spec.name)
        arrays.push_back({spec.name, spec.elements(), 0, 0});
    DeltaArray& array = arrays.back();
    array.bytes += bytes;
    if (array.changed && changed)
        *array.changed += *changed;
    else
        array.changed.reset();
}

Result<Done> read_compact(const SafetensorsView& view, std::span<const std::byte> file,
                          const ArrayTable* table, DeltaContents& contents) {
    const Result<Tiles> found = tiles_of(view);
    if (!found) return found.error();
    if (table != nullptr) {
        const auto checked =
            read_compact_file(*table, {contents.facts.version, contents.facts.base_version}, file);
        if (!checked) return checked.error();
    }
    std::optional<std::size_t> only_thresholds;
    if (found->threshold_counts.size() == 1) only_thresholds = *found->threshold_counts.begin();
    for (std::size_t offset = 0; offset < found->tiles.size(); ++offset) {
        const std::span<const std::byte> bytes = found->tiles[offset];
        count_mode(bytes, contents);
        if (bytes.empty()) continue;
        std::size_t words = kTileWords;
        std::optional<std::size_t> thresholds = only_thresholds;
        std::optional<Tile> tile;
        if (table != nullptr) {
            tile = table->tile(found->first_tile + offset);
            words = tile->words;
            const auto known = found->thresholds.find(table->layout().specs()[tile->array].dtype);
            thresholds = known == found->thresholds.end() ? 0 : known->second;
        }
        const std::optional<std::uint64_t> changed = changes_in(bytes, words, thresholds);
        if (changed)
            contents.densities.push_back(static_cast<double>(*changed) /
                                         static_cast<double>(words));
        if (tile) add_to_array(*table, *tile, bytes.size(), changed, contents.arrays);
    }
    return Done{};
}

Result<Done> read_interchange(const SafetensorsView& view, std::span<const std::byte> file,
                              const ArrayTable* table, DeltaContents& contents) {
    constexpr std::string_view kSuffix = ".idx";
    for (const TensorView& idx : view.tensors()) {
        if (!idx.spec.name.ends_with(kSuffix)) continue;
        const std::string name = idx.spec.name.substr(0, idx.spec.name.size() - kSuffix.size());
        const TensorView* val = view.find(name + ".val");
        if (val == nullptr) return corrupt(name + " has positions and no values");
        DeltaArray array{name, {}, val->spec.elements(), idx.data.size() + val->data.size()};
        if (table != nullptr) {
            const std::optional<std::size_t> index = table->layout().index_of(name);
            if (!index) return corrupt("no array of the base is named " + name);
            array.words = table->layout().specs()[*index].elements();
        }
        contents.arrays.push_back(std::move(array));
    }
    std::sort(contents.arrays.begin(), contents.arrays.end(),
              [](const DeltaArray& a, const DeltaArray& b) { return a.name < b.name; });
    if (table == nullptr) return Done{};
    Changes changes;
    const Result<Done> decoded = decode_delta(*table, file, contents.facts.version, changes);
    if (!decoded) return decoded;
    for (const auto& [index, tile] : changes)
        contents.densities.push_back(static_cast<double>(tile.size()) /
                                     static_cast<double>(table->tile(index).words));
    return Done{};
}

}  // namespace

Result<DeltaContents> read_delta_contents(std::span<const std::byte> file,
                                          const ArrayTable* table) {
    DeltaContents contents;
    const Result<DeltaFacts> facts = read_delta_facts(file);
    if (!facts) return facts.error();
    contents.facts = *facts;
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) return view.error();
    const Metadata& metadata = view->metadata();
    const auto total = metadata.find(facts->is_compact ? "total_words" : "total_elements");
    if (total != metadata.end())
        std::from_chars(total->second.data(), total->second.data() + total->second.size(),
                        contents.total_words);
    const auto encoding = metadata.find("encoding");
    contents.encoding = facts->is_compact            ? "compact"
                        : encoding == metadata.end() ? "unknown"
                                                     : encoding->second;
    const Result<Done> read = facts->is_compact ? read_compact(*view, file, table, contents)
                                                : read_interchange(*view, file, table, contents);
    if (!read) return read.error();
    return contents;
}

}  // namespace dws
