#include "base/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace dws {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kQuotedBytes = 120;  // of foreign text in an error
constexpr std::string_view kMetadataName = "__metadata__";

Error corrupt(const std::string& what) {
    return {Fault::corrupt, fmt::format("safetensors: {}", what)};
}

std::string shown(std::string_view text) {
    return fmt::format("'{}'", text.substr(0, kQuotedBytes));
}

// One array as the header describes it, nothing checked against the file yet.
struct Entry {
    std::string name;
    std::optional<DType> dtype;
    std::optional<std::vector<std::int64_t>> shape;
    std::optional<std::vector<std::int64_t>> offsets;  // begin and end, from the data's start
};

// Listens to the header as it is read and accepts the format's own form only, so that memory
// follows what is written and never what is claimed. A tree of values would be shorter but keeps
// the last of two equal names in silence, and two readers could then see two different files.
class HeaderReader : public nlohmann::json_sax<Json> {
public:
    std::vector<Entry> entries;
    Metadata metadata;
    std::string refusal;  // why reading stopped

    bool null() override { return refuse("a null in the header"); }
    bool boolean(bool) override { return refuse("a boolean in the header"); }
    bool number_float(number_float_t, const string_t& text) override {
        return refuse("number " + shown(text) + " is no size");
    }
    bool binary(binary_t&) override { return refuse("binary data in the header"); }
    bool number_integer(number_integer_t) override { return refuse("a negative number"); }

    bool number_unsigned(number_unsigned_t number) override {
        if (place_ != Place::numbers) return refuse("a number where none belongs");
        if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
            return refuse("a number past 2^63");
        std::vector<std::int64_t>& numbers = numbers_of(entries.back());
        if (numbers.size() == (field_ == "shape" ? kMaxDimensions : 2))
            return refuse("too many numbers in the " + field_ + " of " +
                          shown(entries.back().name));
        numbers.push_back(static_cast<std::int64_t>(number));
        return true;
    }

    bool string(string_t& text) override {
        if (place_ == Place::metadata) return add_metadata(text);
        if (place_ != Place::entry || field_ != "dtype")
            return refuse("text " + shown(text) + " where none belongs");
        entries.back().dtype = dtype_named(text);
        return entries.back().dtype || refuse("unknown dtype " + shown(text));
    }

    bool start_object(std::size_t) override {
        if (place_ == Place::before) return enter(Place::top);
        if (place_ == Place::top) return enter(is_metadata_ ? Place::metadata : Place::entry);
        return refuse("an object where none belongs");
    }

    bool key(string_t& name) override {
        if (place_ == Place::top) return begin_entry(name);
        if (place_ == Place::metadata) return begin_metadata(name);
        return begin_field(name);
    }

    bool end_object() override {
        if (place_ == Place::entry && !is_complete(entries.back()))
            return refuse(shown(entries.back().name) + " lacks a dtype, shape or data_offsets");
        return enter(place_ == Place::top ? Place::after : Place::top);
    }

    bool start_array(std::size_t) override {
        if (place_ != Place::entry || field_ == "dtype")
            return refuse("an array where none belongs");
        (field_ == "shape" ? entries.back().shape : entries.back().offsets).emplace();
        return enter(Place::numbers);
    }

    bool end_array() override {
        if (field_ == "data_offsets" && entries.back().offsets->size() != 2)
            return refuse("data_offsets of " + shown(entries.back().name) + " are not two");
        return enter(Place::entry);
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        return refuse("header is not JSON at byte " + std::to_string(position));
    }

private:
    // Where in the header the reader stands; there is no deeper place.
    enum class Place { before, top, metadata, entry, numbers, after };

    bool enter(Place place) {
        place_ = place;
        return true;
    }

    bool refuse(std::string why) {
        refusal = std::move(why);
        return false;
    }

    bool begin_entry(const std::string& name) {
        if (!names_.insert(name).second) return refuse("two entries named " + shown(name));
        is_metadata_ = name == kMetadataName;
        if (is_metadata_) return true;
        if (entries.size() == kMaxArrays) return refuse("more arrays than any model has");
        entries.push_back({name, {}, {}, {}});
        return true;
    }

    bool begin_metadata(const std::string& name) {
        if (metadata.size() == kMaxMetadata) return refuse("too much metadata");
        field_ = name;
        return !metadata.contains(name) || refuse("two metadata values named " + shown(name));
    }

    bool begin_field(const std::string& name) {
        const Entry& entry = entries.back();
        const bool is_known = name == "dtype" || name == "shape" || name == "data_offsets";
        if (!is_known) return refuse("unknown field " + shown(name));
        const bool is_repeated = (name == "dtype" && entry.dtype) ||
                                 (name == "shape" && entry.shape) ||
                                 (name == "data_offsets" && entry.offsets);
        if (is_repeated) return refuse("two fields named " + name + " in " + shown(entry.name));
        field_ = name;
        return true;
    }

    bool add_metadata(std::string& text) {
        metadata.emplace(field_, std::move(text));
        return true;
    }

    std::vector<std::int64_t>& numbers_of(Entry& entry) const {
        return field_ == "shape" ? *entry.shape : *entry.offsets;
    }

    static bool is_complete(const Entry& entry) {
        return entry.dtype && entry.shape && entry.offsets;
    }

    Place place_ = Place::before;
    bool is_metadata_ = false;  // the entry being read is __metadata__
    std::string field_;         // the key being read, of an entry or of the metadata
    std::set<std::string> names_;
};

// Empty when the product does not fit.
std::optional<std::size_t> size_bytes_of(DType dtype, const std::vector<std::int64_t>& shape) {
    std::size_t bytes = width_bytes(dtype);
    for (const std::int64_t dimension : shape)
        if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(dimension), &bytes))
            return std::nullopt;
    return bytes;
}

// Arrays lie one after another without a gap, and the last one ends where the file ends.
Result<std::vector<TensorPlace>> places_of(std::vector<Entry> entries, std::uint64_t data_offset,
                                           std::optional<std::uint64_t> data_bytes) {
    std::vector<Entry*> by_offset;
    by_offset.reserve(entries.size());
    for (Entry& entry : entries) by_offset.push_back(&entry);
    std::stable_sort(by_offset.begin(), by_offset.end(),
                     [](const Entry* a, const Entry* b) { return *a->offsets < *b->offsets; });
    std::vector<TensorPlace> places;
    places.reserve(entries.size());
    std::uint64_t reached = 0;
    for (Entry* entry : by_offset) {
        const auto begin = static_cast<std::uint64_t>((*entry->offsets)[0]);
        const auto end = static_cast<std::uint64_t>((*entry->offsets)[1]);
        if (begin < reached) return corrupt(shown(entry->name) + " overlaps the array before");
        if (begin > reached) return corrupt("a hole before " + shown(entry->name));
        if (end < begin || (data_bytes && end > *data_bytes))
            return corrupt(shown(entry->name) + " ends outside the file");
        if (size_bytes_of(*entry->dtype, *entry->shape) != end - begin)
            return corrupt("bytes of " + shown(entry->name) + " do not fit its shape");
        places.push_back({{std::move(entry->name), *entry->dtype, std::move(*entry->shape)},
                          data_offset + begin,
                          end - begin});
        reached = end;
    }
    if (data_bytes && reached != *data_bytes)
        return corrupt(std::to_string(*data_bytes - reached) + " bytes after the last array");
    return places;
}

Result<std::string_view> header_of(std::span<const std::byte> start) {
    const Result<std::uint64_t> size = header_bytes_of(start);
    if (!size) return size.error();
    if (*size > start.size()) return corrupt("header ends outside the file");
    const std::string_view header = text_of(start.subspan(kLengthBytes, *size - kLengthBytes));
    // The JSON reader skips a byte order mark and takes a zero byte for the end of its input.
    if (!header.starts_with('{')) return corrupt("header does not begin with '{'");
    if (header.find('\0') != std::string_view::npos) return corrupt("a zero byte in the header");
    return header;
}

}  // namespace

Result<std::uint64_t> header_bytes_of(std::span<const std::byte> start) {
    if (start.size() < kLengthBytes) return corrupt("shorter than its length field");
    std::uint64_t size = 0;
    for (std::size_t index = kLengthBytes; index-- > 0;)
        size = size << 8 | std::to_integer<std::uint64_t>(start[index]);
    if (size > kMaxHeaderBytes) return corrupt("header of more than 100 MB");
    return kLengthBytes + size;
}

Result<SafetensorsHeader> SafetensorsHeader::parse(std::span<const std::byte> start,
                                                   std::optional<std::uint64_t> file_bytes) {
    const Result<std::string_view> header = header_of(start);
    if (!header) return header.error();
    HeaderReader reader;
    if (!Json::sax_parse(*header, &reader)) return corrupt(reader.refusal);

    SafetensorsHeader parsed;
    parsed.data_offset_bytes = kLengthBytes + header->size();
    if (file_bytes && *file_bytes < parsed.data_offset_bytes)
        return corrupt("header ends outside the file");
    std::optional<std::uint64_t> data_bytes;
    if (file_bytes) data_bytes = *file_bytes - parsed.data_offset_bytes;
    Result<std::vector<TensorPlace>> places =
        places_of(std::move(reader.entries), parsed.data_offset_bytes, data_bytes);
    if (!places) return places.error();
    parsed.tensors = std::move(*places);
    parsed.metadata = std::move(reader.metadata);
    parsed.file_bytes = parsed.tensors.empty()
                            ? parsed.data_offset_bytes
                            : parsed.tensors.back().offset_bytes + parsed.tensors.back().size_bytes;
    return parsed;
}

Result<SafetensorsView> SafetensorsView::parse(std::span<const std::byte> file) {
    Result<SafetensorsHeader> header = SafetensorsHeader::parse(file, file.size());
    if (!header) return header.error();
    SafetensorsView parsed;
    parsed.tensors_.reserve(header->tensors.size());
    for (TensorPlace& place : header->tensors) {
        parsed.index_.emplace(place.spec.name, parsed.tensors_.size());
        parsed.tensors_.push_back(
            {std::move(place.spec), file.subspan(place.offset_bytes, place.size_bytes)});
    }
    parsed.metadata_ = std::move(header->metadata);
    return parsed;
}

const TensorView* SafetensorsView::find(std::string_view name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace dws
