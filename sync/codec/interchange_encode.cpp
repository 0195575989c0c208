#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/require.h"
#include "base/safetensors.h"
#include "sync/codec/interchange.h"
#include "sync/words.h"

namespace dws {

namespace {

// Where one array's changes begin and end; all of its tiles stand together in the map.
struct ArrayChanges {
    std::size_t array;
    Changes::const_iterator first;
    Changes::const_iterator last;
};

// One array's two tensors, which own their bytes until the file is written.
struct EncodedArray {
    DType idx_dtype;
    std::string name;
    DType val_dtype;
    std::uint64_t changes;
    Bytes idx;
    Bytes val;
};

template <class Word>
void append(Bytes& bytes, Word word) {
    bytes.resize(bytes.size() + sizeof(Word));
    store_word(bytes.data() + bytes.size() - sizeof(Word), word);
}

// Calls each(position within the array, new word), ascending.
template <class Each>
void for_each_change(const ArrayTable& table, const ArrayChanges& changes, const Each& each) {
    for (auto tile = changes.first; tile != changes.last; ++tile) {
        const std::uint64_t first_word = table.tile(tile->first).first_word;
        for (std::size_t index = 0; index < tile->second.size(); ++index) {
            each(first_word + tile->second.positions[index], tile->second.after[index]);
        }
    }
}

std::uint64_t largest_gap(const ArrayTable& table, const ArrayChanges& changes) {
    std::uint64_t largest = 0;
    std::uint64_t expected = 0;  // the position right after the last change
    for_each_change(table, changes, [&](std::uint64_t position, std::uint32_t) {
        largest = std::max(largest, position - expected);
        expected = position + 1;
    });
    return largest;
}

template <class Number>
Bytes gaps_of(const ArrayTable& table, const ArrayChanges& changes) {
    Bytes idx;
    std::uint64_t expected = 0;
    for_each_change(table, changes, [&](std::uint64_t position, std::uint32_t) {
        append(idx, static_cast<Number>(position - expected));
        expected = position + 1;
    });
    return idx;
}

template <class Number>
Bytes positions_of(const ArrayTable& table, const ArrayChanges& changes) {
    Bytes idx;
    for_each_change(table, changes, [&](std::uint64_t position, std::uint32_t) {
        append(idx, static_cast<Number>(position));
    });
    return idx;
}

std::pair<DType, Bytes> encode_raw(const ArrayTable& table, const ArrayChanges& changes) {
    // By the array's size, not its last change, so that an array's form never varies.
    const std::size_t words = table.layout().specs()[changes.array].elements();
    if (words <= std::size_t{1} << 31) {
        return {DType::kI32, positions_of<std::int32_t>(table, changes)};
    }
    return {DType::kI64, positions_of<std::int64_t>(table, changes)};
}

std::pair<DType, Bytes> encode_gaps(const ArrayTable& table, const ArrayChanges& changes) {
    const std::uint64_t largest = largest_gap(table, changes);
    if (largest <= std::numeric_limits<std::uint16_t>::max()) {
        return {DType::kU16, gaps_of<std::uint16_t>(table, changes)};
    }
    if (largest <= std::numeric_limits<std::uint32_t>::max()) {
        return {DType::kU32, gaps_of<std::uint32_t>(table, changes)};
    }
    return {DType::kU64, gaps_of<std::uint64_t>(table, changes)};
}

EncodedArray encode_array(const ArrayTable& table, const ArrayChanges& changes, Encoding encoding) {
    const TensorSpec& spec = table.layout().specs()[changes.array];
    auto [idx_dtype, idx] =
        encoding == Encoding::raw ? encode_raw(table, changes) : encode_gaps(table, changes);
    Bytes val;
    std::uint64_t listed = 0;
    with_word_type(width_bytes(spec.dtype), [&](auto type) {
        for_each_change(table, changes, [&](std::uint64_t, std::uint32_t word) {
            append(val, static_cast<decltype(type)>(word));
            ++listed;
        });
    });
    return EncodedArray{idx_dtype, spec.name, spec.dtype, listed, std::move(idx), std::move(val)};
}

std::string share_unchanged(std::uint64_t changed, std::uint64_t total) {
    const double share = total == 0 ? 0 : static_cast<double>(changed) / static_cast<double>(total);
    return fmt::format("{:.6f}", 1 - share);
}

Metadata metadata_of(bool is_sparse, std::int64_t version, std::size_t arrays,
                     std::uint64_t changed, std::uint64_t total) {
    return Metadata{{"format", "sparse_weight_patch"},
                    {"version", "1"},
                    {"sparse", is_sparse ? "True" : "False"},
                    {"model_version", std::to_string(version)},
                    {"num_changed_params", std::to_string(arrays)},
                    {"total_changed_elements", std::to_string(changed)},
                    {"total_elements", std::to_string(total)},
                    {"sparsity", share_unchanged(changed, total)}};
}

// Widest first, so that every tensor starts at a multiple of its width: readers that map files
// (torch) need it, and the data starts at a multiple of 8.
void align(std::vector<TensorView>& tensors) {
    std::stable_sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) {
        return width_bytes(a.spec.dtype) > width_bytes(b.spec.dtype);
    });
}

Bytes delta_file(const ArrayTable& table, const std::vector<EncodedArray>& arrays,
                 std::int64_t version, Encoding encoding) {
    std::vector<TensorView> tensors;
    std::uint64_t changed = 0;
    for (const EncodedArray& array : arrays) {
        const auto length = static_cast<std::int64_t>(array.changes);
        tensors.push_back({{array.name + ".idx", array.idx_dtype, {length}}, array.idx});
        tensors.push_back({{array.name + ".val", array.val_dtype, {length}}, array.val});
        changed += array.changes;
    }
    Metadata metadata = metadata_of(true, version, arrays.size(), changed, table.words());
    metadata["encoding"] = name_of(encoding);
    align(tensors);
    return write_safetensors(tensors, metadata);
}

// Places in the table, in the file's order: what the layout hash is made of can be rebuilt.
std::string array_order(const ArrayTable& table, const std::vector<TensorView>& tensors) {
    std::string order;
    for (const TensorView& tensor : tensors) {
        if (!order.empty()) order += ' ';
        order += std::to_string(*table.layout().index_of(tensor.spec.name));
    }
    return order;
}

Bytes anchor_file(const ArrayTable& table, std::vector<TensorView> tensors, std::int64_t version) {
    std::uint64_t words = 0;
    for (const TensorView& tensor : tensors) words += tensor.spec.elements();
    Metadata metadata = metadata_of(false, version, tensors.size(), words, table.words());
    align(tensors);
    metadata[std::string(kArrayOrder)] = array_order(table, tensors);
    return write_safetensors(tensors, metadata);
}

}  // namespace

bool encode_delta(const ArrayTable& table, const Changes& changes, std::int64_t version,
                  Encoding encoding, std::size_t file_bytes, const FileSink& sink) {
    require(!is_compact(encoding), "the interchange format has two encodings");
    std::vector<EncodedArray> arrays;  // of the file in the making
    std::size_t bytes = 0;
    bool has_sent = false;
    for (auto first = changes.begin(); first != changes.end();) {
        const std::size_t array = table.tile(first->first).array;
        const auto last = changes.lower_bound(table.first_tile(array + 1));
        arrays.push_back(encode_array(table, {array, first, last}, encoding));
        first = last;
        if (arrays.back().changes == 0)
            arrays.pop_back();
        else
            bytes += arrays.back().idx.size() + arrays.back().val.size();
        if (bytes < file_bytes) continue;
        if (!sink(delta_file(table, arrays, version, encoding))) return false;
        arrays.clear();
        bytes = 0;
        has_sent = true;
    }
    if (has_sent && arrays.empty()) return true;
    return sink(delta_file(table, arrays, version, encoding));
}

bool encode_anchor(const ArrayTable& table, std::span<const std::byte> words, std::int64_t version,
                   std::size_t file_bytes, const FileSink& sink) {
    require(words.size() >= table.layout().size_bytes(), "words is the table's flat buffer");
    std::vector<TensorView> tensors;  // of the file in the making
    std::size_t bytes = 0;
    bool has_sent = false;
    const std::vector<TensorSpec>& specs = table.layout().specs();
    for (std::size_t array = 0; array < specs.size(); ++array) {
        const std::size_t size = specs[array].elements() * width_bytes(specs[array].dtype);
        tensors.push_back({specs[array], words.subspan(table.layout().offset_bytes(array), size)});
        bytes += size;
        if (bytes < file_bytes) continue;
        if (!sink(anchor_file(table, tensors, version))) return false;
        tensors.clear();
        bytes = 0;
        has_sent = true;
    }
    if (has_sent && tensors.empty()) return true;
    return sink(anchor_file(table, std::move(tensors), version));
}

}  // namespace dws
