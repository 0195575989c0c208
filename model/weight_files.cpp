#include "model/weight_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/shard_index.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleName = "model.safetensors";
constexpr const char* kIndexName = "model.safetensors.index.json";
constexpr std::size_t kPieceBytes = 4u << 20;  // converted while it is in cache
// Ten times what the largest public checkpoint has; each is an open file.
constexpr std::size_t kMaxFiles = 10'000;

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
    throw std::runtime_error(fmt::format("{}: {}", file.string(), what));
}

// Bytes from the stream's place on.
Bytes read_bytes(std::ifstream& stream, std::uint64_t count, const fs::path& file) {
    Bytes bytes(count);
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
    if (!stream) refuse(file, "cannot be read to its end");
    return bytes;
}

std::uint64_t size_of(const fs::path& file) {
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(file, error);
    if (error) refuse(file, "cannot be read: " + error.message());
    return bytes;
}

SafetensorsHeader read_header(std::ifstream& stream, const fs::path& file) {
    const std::uint64_t file_bytes = size_of(file);
    Bytes start = read_bytes(stream, std::min<std::uint64_t>(file_bytes, 8), file);
    const Result<std::uint64_t> header_bytes = header_bytes_of(start);
    if (!header_bytes) refuse(file, header_bytes.error().detail);
    if (*header_bytes > file_bytes) refuse(file, "its header ends outside the file");
    const Bytes rest = read_bytes(stream, *header_bytes - start.size(), file);
    start.insert(start.end(), rest.begin(), rest.end());
    Result<SafetensorsHeader> header = SafetensorsHeader::parse(start, file_bytes);
    if (!header) refuse(file, header.error().detail);
    return std::move(*header);
}

// A name that leads nowhere else: what stands in an index may be anybody's.
bool is_beside(const std::string& name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

}  // namespace

WeightFiles::WeightFiles(const fs::path& place) : place_(place) {
    if (!fs::is_directory(place)) {
        arrays_ = files_[open(place)]->arrays;
    } else if (fs::exists(place / kSingleName)) {
        arrays_ = files_[open(place / kSingleName)]->arrays;
    } else if (fs::exists(place / kIndexName)) {
        take_index(place / kIndexName);
    } else {
        refuse(place, fmt::format("holds neither {} nor {}", kSingleName, kIndexName));
    }
}

WeightFiles::Array WeightFiles::at(const std::string& name) const {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) refuse(place_, name + " is missing");
    return found->second;
}

void WeightFiles::read(const Array& array, const Take& take) {
    File& file = *files_[array.file];
    file.stream.seekg(static_cast<std::streamoff>(array.place.offset_bytes));
    piece_.resize(kPieceBytes);  // a multiple of every element's width
    for (std::uint64_t at = 0; at < array.place.size_bytes; at += kPieceBytes) {
        const std::span<std::byte> piece = std::span(piece_).first(
            std::min<std::uint64_t>(kPieceBytes, array.place.size_bytes - at));
        file.stream.read(reinterpret_cast<char*>(piece.data()),
                         static_cast<std::streamsize>(piece.size()));
        if (!file.stream) refuse(file.path, "became shorter while it was read");
        take(piece);
    }
}

std::size_t WeightFiles::open(const fs::path& path) {
    if (files_.size() == kMaxFiles) refuse(place_, "names more files than any model has");
    if (fs::exists(path) && !fs::is_regular_file(path)) refuse(path, "is not a file");
    auto file = std::make_unique<File>();
    file->path = path;
    file->stream.open(path, std::ios::binary);
    if (!file->stream) refuse(path, "cannot be read");
    SafetensorsHeader header = read_header(file->stream, path);
    for (TensorPlace& place : header.tensors) {
        std::string name = place.spec.name;
        file->arrays.emplace(std::move(name), Array{std::move(place), path, files_.size()});
    }
    files_.push_back(std::move(file));
    return files_.size() - 1;
}

// An array counts where the index says it is; what else a file holds is not asked for.
void WeightFiles::take_index(const fs::path& index) {
    if (!fs::is_regular_file(index)) refuse(index, "is not a file");
    std::ifstream stream(index, std::ios::binary);
    const std::uint64_t bytes = size_of(index);
    if (bytes > kMaxIndexBytes) refuse(index, "larger than the list of any model's arrays");
    const auto named = read_shard_index(read_bytes(stream, bytes, index));
    if (!named) refuse(index, named.error().detail);
    std::map<std::string, std::size_t> opened;
    for (const auto& [array, name] : *named) {
        if (!is_beside(name)) refuse(index, "it names a file that is not beside it: " + name);
        if (!opened.contains(name)) opened[name] = open(index.parent_path() / name);
        const std::size_t file = opened[name];
        const auto& held = files_[file]->arrays;
        const auto found = held.find(array);
        if (found == held.end()) refuse(files_[file]->path, array + " is missing");
        arrays_[array] = found->second;
    }
}

}  // namespace dws
