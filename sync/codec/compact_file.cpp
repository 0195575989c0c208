#include "sync/codec/compact_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/require.h"
#include "base/safetensors.h"
#include "sync/words.h"

namespace dws {

namespace {

constexpr std::string_view kFormat = "dws_compact";
constexpr std::string_view kFormatVersion = "1";
constexpr std::string_view kClassesPrefix = "classes.";

Error corrupt(std::string what) {
    return Error{Fault::corrupt, "compact delta: " + std::move(what)};
}

TensorSpec bytes_spec(std::string name, std::size_t bytes) {
    return {std::move(name), DType::kU8, {static_cast<std::int64_t>(bytes)}};
}

// Empty unless the whole text is a number.
template <class Number>
std::optional<Number> number_in(const Metadata& metadata, const char* name) {
    const auto found = metadata.find(name);
    if (found == metadata.end()) return std::nullopt;
    const std::string& text = found->second;
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

bool has_value(const Metadata& metadata, const char* name, std::string_view value) {
    const auto found = metadata.find(name);
    return found != metadata.end() && found->second == value;
}

// thresholds: bytes of the file.
std::optional<ExponentClasses> read_thresholds(std::span<const std::byte> thresholds) {
    if (thresholds.empty() || thresholds.size() > kMaxThresholds) return std::nullopt;
    ExponentClasses classes;
    classes.count = thresholds.size();
    int last = 0;
    for (std::size_t index = 0; index < kMaxThresholds; ++index) {
        if (index < classes.count) {
            const int threshold = std::to_integer<int>(thresholds[index]);
            if (threshold <= last) return std::nullopt;
            last = threshold;
        }
        classes.thresholds[index] = static_cast<std::uint8_t>(last);
    }
    return classes;
}

Result<ClassTable> read_classes(const SafetensorsView& file) {
    ClassTable table;
    for (const TensorView& tensor : file.tensors()) {
        const std::string_view name = tensor.spec.name;
        if (name == "index" || name == "tiles") continue;
        const bool is_classes = name.starts_with(kClassesPrefix);
        const auto dtype =
            is_classes ? dtype_named(name.substr(kClassesPrefix.size())) : std::nullopt;
        if (!dtype || !has_exponent(*dtype) || tensor.spec.dtype != DType::kU8) {
            return corrupt(fmt::format("array {} has no meaning", name));
        }
        const auto classes = read_thresholds(tensor.data);
        if (!classes) return corrupt(fmt::format("{} does not ascend", name));
        table[*dtype] = *classes;
    }
    return table;
}

// Sums the lengths. None may be longer than a tile's words and their mode.
Result<std::vector<std::size_t>> read_offsets(const ArrayTable& table, std::size_t first_tile,
                                              std::span<const std::byte> lengths,
                                              std::size_t tile_bytes) {
    const std::size_t tiles = lengths.size() / 4;
    if (first_tile > table.tiles() || tiles > table.tiles() - first_tile) {
        return corrupt("tiles past the last array's end");
    }
    std::vector<std::size_t> offsets{0};
    offsets.reserve(tiles + 1);
    for (std::size_t index = 0; index < tiles; ++index) {
        const std::size_t length = load_word<std::uint32_t>(lengths.data() + 4 * index);
        if (length > tile_bytes - offsets.back()) return corrupt("tiles are cut short");
        offsets.push_back(offsets.back() + length);
    }
    if (offsets.back() != tile_bytes) return corrupt("bytes after the last tile");
    return offsets;
}

// A tile's mode is in the two lowest bits of its first byte.
bool uses_classes(const CompactBody& run) {
    std::size_t start = 0;
    for (const std::uint32_t length : run.lengths) {
        if (length > 0 && (run.tiles[start] & std::byte{3}) ==
                              std::byte{static_cast<std::uint8_t>(TileMode::classes)})
            return true;
        start += length;
    }
    return false;
}

}  // namespace

Bytes write_compact_file(const ArrayTable& table, const CompactVersions& versions,
                         const ClassTable& classes, std::span<const CompactBody> runs) {
    std::size_t tiles = 0, tile_bytes = 0;
    std::uint64_t changed_words = 0;
    for (const CompactBody& run : runs) {
        require(run.first_tile == runs.front().first_tile + tiles, "runs are neighbours");
        tiles += run.lengths.size();
        tile_bytes += run.tiles.size();
        changed_words += run.changed_words;
    }
    const Metadata metadata{
        {"format", std::string(kFormat)},
        {"format_version", std::string(kFormatVersion)},
        {"model_version", std::to_string(versions.version)},
        {"base_version", std::to_string(versions.base_version)},
        {"layout_hash", table.layout_hash()},
        {"first_tile", std::to_string(runs.front().first_tile)},
        {"changed_words", std::to_string(changed_words)},
        {"total_words", std::to_string(table.words())},
    };
    std::vector<TensorSpec> specs{{"index", DType::kU32, {static_cast<std::int64_t>(tiles)}}};
    const bool has_classes = std::ranges::any_of(runs, uses_classes);
    for (const auto& [dtype, thresholds] : classes) {
        if (thresholds.count == 0 || !has_classes) continue;
        specs.push_back(bytes_spec(std::string(kClassesPrefix) + std::string(name_of(dtype)),
                                   thresholds.count));
    }
    specs.push_back(bytes_spec("tiles", tile_bytes));

    Bytes file = write_safetensors_header(specs, metadata);
    file.reserve(file.size() + tiles * sizeof(std::uint32_t) + classes.size() * kMaxThresholds +
                 tile_bytes);
    const auto append = [&file](std::span<const std::byte> bytes) {
        file.insert(file.end(), bytes.begin(), bytes.end());
    };
    for (const CompactBody& run : runs) append(std::as_bytes(std::span(run.lengths)));
    for (const auto& [dtype, thresholds] : classes) {
        if (!has_classes) continue;
        append(std::as_bytes(std::span(thresholds.thresholds).first(thresholds.count)));
    }
    for (const CompactBody& run : runs) append(run.tiles);
    return file;
}

ExponentClasses CompactView::classes_of(DType dtype) const {
    const auto found = classes.find(dtype);
    return found == classes.end() ? ExponentClasses{} : found->second;
}

bool is_compact_file(std::span<const std::byte> file) {
    const Result<SafetensorsView> parsed = SafetensorsView::parse(file);
    return parsed && has_value(parsed->metadata(), "format", kFormat);
}

Result<CompactView> read_compact_file(const ArrayTable& table, const CompactVersions& versions,
                                      std::span<const std::byte> file) {
    const Result<SafetensorsView> parsed = SafetensorsView::parse(file);
    if (!parsed) return parsed.error();
    const Metadata& metadata = parsed->metadata();
    if (!has_value(metadata, "format", kFormat) ||
        !has_value(metadata, "format_version", kFormatVersion)) {
        return corrupt("of another format");
    }
    if (!has_value(metadata, "model_version", std::to_string(versions.version)) ||
        !has_value(metadata, "base_version", std::to_string(versions.base_version))) {
        return corrupt(
            fmt::format("not from version {} to {}", versions.base_version, versions.version));
    }
    if (!has_value(metadata, "layout_hash", table.layout_hash())) {
        return corrupt("of other arrays");
    }
    const auto first_tile = number_in<std::size_t>(metadata, "first_tile");
    const auto changed_words = number_in<std::uint64_t>(metadata, "changed_words");
    const TensorView* index = parsed->find("index");
    const TensorView* tiles = parsed->find("tiles");
    if (!first_tile || !changed_words || index == nullptr || tiles == nullptr ||
        index->spec.dtype != DType::kU32 || tiles->spec.dtype != DType::kU8) {
        return corrupt("without its index or its tiles");
    }
    Result<std::vector<std::size_t>> offsets =
        read_offsets(table, *first_tile, index->data, tiles->data.size());
    if (!offsets) return offsets.error();
    Result<ClassTable> classes = read_classes(*parsed);
    if (!classes) return classes.error();
    return CompactView{*first_tile, std::move(*offsets), tiles->data, *changed_words,
                       std::move(*classes)};
}

}  // namespace dws
