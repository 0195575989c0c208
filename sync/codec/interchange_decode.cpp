#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <utility>

#include "base/require.h"
#include "base/safetensors.h"
#include "sync/codec/interchange.h"
#include "sync/words.h"

namespace dws {

namespace {

constexpr std::string_view kIdxSuffix = ".idx";
constexpr std::string_view kValSuffix = ".val";

// One array of a delta, as it stands in the file.
struct ArrayPair {
    std::size_t array;
    const TensorView* idx;
    const TensorView* val;
};

Error corrupt(std::string detail) { return Error{Fault::corrupt, std::move(detail)}; }

// Empty when the metadata has exactly this text under this name; otherwise the fault.
std::optional<Error> expect(const Metadata& metadata, const std::string& name,
                            const std::string& text) {
    const auto found = metadata.find(name);
    if (found == metadata.end()) return corrupt(fmt::format("metadata has no {}", name));
    if (found->second == text) return std::nullopt;
    return corrupt(fmt::format("metadata {} is {}, not {}", name, found->second, text));
}

std::optional<Error> expect_all(const Metadata& metadata, const Metadata& expected) {
    for (const auto& [name, text] : expected) {
        if (std::optional<Error> fault = expect(metadata, name, text)) return fault;
    }
    return std::nullopt;
}

bool is_idx_dtype(DType dtype, Encoding encoding) {
    if (encoding == Encoding::raw) return dtype == DType::kI32 || dtype == DType::kI64;
    return dtype == DType::kU16 || dtype == DType::kU32 || dtype == DType::kU64;
}

// The array whose ".idx" this is, with its ".val". Lengths and dtypes are checked.
Result<ArrayPair> pair_of(const ArrayTable& table, const SafetensorsView& file,
                          const TensorView& idx, Encoding encoding) {
    const std::string name = idx.spec.name.substr(0, idx.spec.name.size() - kIdxSuffix.size());
    const std::optional<std::size_t> array = table.layout().index_of(name);
    if (!array) return corrupt(fmt::format("no array is named {}", name));
    const TensorView* val = file.find(name + std::string(kValSuffix));
    if (val == nullptr) return corrupt(fmt::format("{} has positions and no values", name));
    const TensorSpec& spec = table.layout().specs()[*array];
    if (val->spec.dtype != spec.dtype) {
        return corrupt(fmt::format("{} is {}, its new words are {}", name, name_of(spec.dtype),
                                   name_of(val->spec.dtype)));
    }
    if (!is_idx_dtype(idx.spec.dtype, encoding)) {
        return corrupt(fmt::format("positions of {} are {}, which the encoding does not have", name,
                                   name_of(idx.spec.dtype)));
    }
    if (idx.spec.shape.size() != 1 || idx.spec.shape != val->spec.shape) {
        return corrupt(fmt::format("{} has {} positions and {} words", name, idx.spec.elements(),
                                   val->spec.elements()));
    }
    return ArrayPair{*array, &idx, val};
}

// Positions of all changes, ascending and inside the array, into tiles. Number: the dtype of idx.
// Gaps are unsigned, positions signed; a negative position is out of range once it is unsigned.
template <class Number, class Word>
Result<Done> decode_words(const ArrayTable& table, const ArrayPair& pair, Encoding encoding,
                          Changes& changes) {
    const TensorSpec& spec = table.layout().specs()[pair.array];
    const std::uint64_t words = spec.elements();
    const std::size_t listed = pair.val->data.size() / sizeof(Word);
    std::uint64_t expected = 0;  // the lowest position the next change may have
    TileChanges* tile_changes = nullptr;
    std::uint64_t tile_end = 0;
    for (std::size_t index = 0; index < listed; ++index) {
        const auto number = static_cast<std::uint64_t>(
            load_word<Number>(pair.idx->data.data() + index * sizeof(Number)));
        const bool is_ascending = encoding == Encoding::gap_delta || number >= expected;
        // The gap is compared before it is added, so that no sum can wrap around.
        const bool is_inside =
            encoding == Encoding::gap_delta ? number < words - expected : number < words;
        if (!is_ascending || !is_inside) {
            return corrupt(fmt::format("change {} of {} is {}", index, spec.name,
                                       is_inside ? "not after the one before" : "past its end"));
        }
        const std::uint64_t position = encoding == Encoding::gap_delta ? expected + number : number;
        if (position >= tile_end) {
            const std::size_t tile = table.first_tile(pair.array) + position / kTileWords;
            tile_changes = &changes[tile];
            tile_end = (position / kTileWords + 1) * kTileWords;
        }
        tile_changes->positions.push_back(static_cast<std::uint16_t>(position % kTileWords));
        tile_changes->after.push_back(
            load_word<Word>(pair.val->data.data() + index * sizeof(Word)));
        expected = position + 1;
    }
    return Done{};
}

template <class Word>
Result<Done> decode_positions(const ArrayTable& table, const ArrayPair& pair, Encoding encoding,
                              Changes& changes) {
    switch (pair.idx->spec.dtype) {
        case DType::kU16:
            return decode_words<std::uint16_t, Word>(table, pair, encoding, changes);
        case DType::kU32:
            return decode_words<std::uint32_t, Word>(table, pair, encoding, changes);
        case DType::kU64:
            return decode_words<std::uint64_t, Word>(table, pair, encoding, changes);
        case DType::kI32:
            return decode_words<std::int32_t, Word>(table, pair, encoding, changes);
        case DType::kI64:
            return decode_words<std::int64_t, Word>(table, pair, encoding, changes);
        default:
            break;
    }
    require(false, "pair_of() admits no other dtype of positions");
    return Done{};
}

Result<Encoding> encoding_of(const Metadata& metadata) {
    if (!expect(metadata, "encoding", "raw")) return Encoding::raw;
    if (!expect(metadata, "encoding", "gap_delta")) return Encoding::gap_delta;
    return corrupt("metadata encoding is neither raw nor gap_delta");
}

bool has_changes_of(const ArrayTable& table, const Changes& changes, std::size_t array) {
    return changes.lower_bound(table.first_tile(array)) !=
           changes.lower_bound(table.first_tile(array + 1));
}

Result<Done> check_delta_metadata(const SafetensorsView& file, std::int64_t version) {
    std::uint64_t changed = 0;
    for (const TensorView& tensor : file.tensors()) {
        if (tensor.spec.name.ends_with(kIdxSuffix)) changed += tensor.spec.elements();
    }
    const std::optional<Error> fault = expect_all(
        file.metadata(), {{"format", "sparse_weight_patch"},
                          {"version", "1"},
                          {"sparse", "True"},
                          {"model_version", std::to_string(version)},
                          {"num_changed_params", std::to_string(file.tensors().size() / 2)},
                          {"total_changed_elements", std::to_string(changed)}});
    if (fault) return *fault;
    return Done{};
}

Result<Changes> decode_arrays(const ArrayTable& table, const SafetensorsView& file,
                              Encoding encoding, const Changes& seen) {
    Changes found;
    std::size_t pairs = 0;
    for (const TensorView& tensor : file.tensors()) {
        if (!tensor.spec.name.ends_with(kIdxSuffix)) continue;
        const Result<ArrayPair> pair = pair_of(table, file, tensor, encoding);
        if (!pair) return pair.error();
        const TensorSpec& spec = table.layout().specs()[pair->array];
        if (has_changes_of(table, seen, pair->array)) {
            return corrupt(fmt::format("array {} is in two files", spec.name));
        }
        const Result<Done> decoded = with_word_type(width_bytes(spec.dtype), [&](auto type) {
            return decode_positions<decltype(type)>(table, *pair, encoding, found);
        });
        if (!decoded) return decoded.error();
        ++pairs;
    }
    // Every pair was found by its ".idx"; whatever is left over has no place in a delta.
    if (file.tensors().size() != 2 * pairs) return corrupt("a delta has .idx and .val pairs only");
    return found;
}

Result<std::vector<std::size_t>> anchor_arrays(const ArrayTable& table, const SafetensorsView& file,
                                               const std::vector<bool>& has_array) {
    std::vector<std::size_t> arrays;
    for (const TensorView& tensor : file.tensors()) {
        const std::optional<std::size_t> array = table.layout().index_of(tensor.spec.name);
        if (!array) return corrupt(fmt::format("no array is named {}", tensor.spec.name));
        if (tensor.spec != table.layout().specs()[*array]) {
            return corrupt(fmt::format("array {} has another dtype or shape", tensor.spec.name));
        }
        if (has_array[*array]) {
            return corrupt(fmt::format("array {} is in two files", tensor.spec.name));
        }
        arrays.push_back(*array);
    }
    return arrays;
}

}  // namespace

Result<Done> decode_delta(const ArrayTable& table, std::span<const std::byte> file,
                          std::int64_t version, Changes& changes) {
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) return view.error();
    const Result<Done> described = check_delta_metadata(*view, version);
    if (!described) return described.error();
    const Result<Encoding> encoding = encoding_of(view->metadata());
    if (!encoding) return encoding.error();
    Result<Changes> found = decode_arrays(table, *view, *encoding, changes);
    if (!found) return found.error();
    changes.merge(*found);
    return Done{};
}

Result<Done> decode_anchor(const ArrayTable& table, std::span<const std::byte> file,
                           std::span<std::byte> words, std::vector<bool>& has_array) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    require(has_array.size() == table.layout().specs().size(), "has_array has a mark per array");
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) return view.error();
    const std::optional<Error> fault =
        expect_all(view->metadata(),
                   {{"format", "sparse_weight_patch"}, {"version", "1"}, {"sparse", "False"}});
    if (fault) return *fault;
    const Result<std::vector<std::size_t>> arrays = anchor_arrays(table, *view, has_array);
    if (!arrays) return arrays.error();
    for (std::size_t index = 0; index < arrays->size(); ++index) {
        const std::size_t array = (*arrays)[index];
        const std::span<const std::byte> data = view->tensors()[index].data;
        if (!data.empty()) {
            std::memcpy(words.data() + table.layout().offset_bytes(array), data.data(),
                        data.size());
        }
        has_array[array] = true;
    }
    return Done{};
}

}  // namespace dws
