#include "sync/checkpoint/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

#include "base/shard_index.h"
#include "sync/bucket/file_descriptor.h"
#include "sync/checkpoint/path.h"

namespace dws {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kShardSuffix = ".safetensors";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kUsualIndex = "model.safetensors.index.json";
constexpr std::size_t kPieceBytes = 16u << 20;  // between two looks at who waits
// Entries of all kinds: a folder with more is no checkpoint, and listing it would take minutes.
constexpr std::size_t kMaxEntries = 10 * (kMaxShards + kMaxOtherFiles);

Error corrupt(const fs::path& path, std::string_view why) {
    return Error{Fault::corrupt, fmt::format("{}: {}", path.string(), why)};
}

Error unreadable(const fs::path& path, int error_number) {
    const bool is_absent = error_number == ENOENT || error_number == ENOTDIR;
    return Error{
        is_absent ? Fault::missing : Fault::transport,
        fmt::format("{}: {}", path.string(), std::generic_category().message(error_number))};
}

// An open regular file and its size.
struct OpenFile {
    explicit OpenFile(const fs::path& path)
        // O_NONBLOCK: what is no regular file, as a FIFO, is not waited for.
        : file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        struct stat about {};
        if (!file.is_open() || ::fstat(file.number(), &about) != 0) {
            error = unreadable(path, errno);
        } else if (!S_ISREG(about.st_mode)) {
            error = corrupt(path, "is no regular file");
        } else {
            size_bytes = static_cast<std::uint64_t>(about.st_size);
        }
    }
    FileDescriptor file;
    std::uint64_t size_bytes = 0;
    std::optional<Error> error;
};

Result<Bytes> read_start(const fs::path& path, const OpenFile& open, std::uint64_t bytes) {
    Bytes start(std::min(bytes, open.size_bytes));
    const Result<std::size_t> read = read_at(open.file.number(), 0, start);
    if (!read) return Error{read.error().fault, path.string() + ": " + read.error().detail};
    if (*read != start.size()) return corrupt(path, "became shorter while it was read");
    return start;
}

Result<CheckpointShard> open_shard(const fs::path& folder, const std::string& path) {
    const fs::path place = folder / path;
    const OpenFile open(place);
    if (open.error) return *open.error;
    const Result<Bytes> length = read_start(place, open, sizeof(std::uint64_t));
    if (!length) return length.error();
    const Result<std::uint64_t> header_bytes = header_bytes_of(*length);
    if (!header_bytes) return corrupt(place, header_bytes.error().detail);
    Result<Bytes> header = read_start(place, open, *header_bytes);
    if (!header) return header.error();
    Result<SafetensorsHeader> parsed = SafetensorsHeader::parse(*header, open.size_bytes);
    if (!parsed) return corrupt(place, parsed.error().detail);
    return CheckpointShard{path, std::move(*header), std::move(*parsed)};
}

bool is_inside(const fs::path& path, const fs::path& folder) {
    const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
    return end == folder.end();
}

// The paths of all files, sorted.
class Listing {
public:
    explicit Listing(const fs::path& folder) : folder_(folder) {}

    Result<std::vector<std::string>> collect() {
        std::error_code error;
        const fs::path whole = fs::canonical(folder_, error);
        if (error) return unreadable(folder_, error.value());
        inside_ = {whole, whole.parent_path().parent_path() / "blobs"};
        fs::recursive_directory_iterator entry(folder_, error);
        for (const fs::recursive_directory_iterator end; !error && entry != end;
             entry.increment(error)) {
            if (++entries_ > kMaxEntries) return corrupt(folder_, "holds too many files");
            const Result<bool> is_file = look_at(entry);
            if (!is_file) return is_file.error();
            if (!*is_file) continue;
            paths_.push_back(entry->path().lexically_relative(folder_).generic_string());
            if (!is_safe_path(paths_.back()))
                return corrupt(entry->path(), "has a name that cannot be carried along");
        }
        if (error) return unreadable(folder_, error.value());
        std::sort(paths_.begin(), paths_.end());
        return std::move(paths_);
    }

private:
    // Whether it is a file of the checkpoint.
    Result<bool> look_at(fs::recursive_directory_iterator& entry) {
        const fs::path& path = entry->path();
        std::error_code error;
        if (entry->is_symlink(error)) return check_link(path);
        if (entry->is_directory(error)) {
            const fs::path name = path.filename();
            if (name == ".git" || name == ".cache") entry.disable_recursion_pending();
            return false;
        }
        if (entry->is_regular_file(error)) return true;
        return corrupt(path, "is neither file nor folder");
    }

    Result<bool> check_link(const fs::path& path) const {
        std::error_code error;
        const fs::path target = fs::canonical(path, error);
        if (error) return corrupt(path, "is a link that leads nowhere");
        if (!fs::is_regular_file(target, error)) return corrupt(path, "is a link to no file");
        for (const fs::path& folder : inside_)
            if (is_inside(target, folder)) return true;
        return corrupt(path, "is a link out of the folder; put the file itself there");
    }

    const fs::path folder_;
    std::vector<fs::path> inside_;  // where links may lead
    std::vector<std::string> paths_;
    std::size_t entries_ = 0;
};

// The one that says which files hold weights; empty: none.
Result<std::string> index_among(const fs::path& folder, const std::vector<std::string>& paths) {
    std::vector<std::string> found;
    for (const std::string& path : paths)
        if (path.find('/') == std::string::npos && path.ends_with(kIndexSuffix))
            found.push_back(path);
    if (std::find(found.begin(), found.end(), kUsualIndex) != found.end())
        return std::string(kUsualIndex);
    if (found.empty()) return std::string();
    if (found.size() == 1) return found.front();
    return corrupt(folder, fmt::format("has two indexes, {} and {}; leave the one that counts",
                                       found[0], found[1]));
}

using ShardIndex = std::map<std::string, std::string>;

Result<ShardIndex> read_index(const fs::path& place) {
    const OpenFile open(place);
    if (open.error) return *open.error;
    const Result<Bytes> json = read_start(place, open, kMaxIndexBytes + 1);
    if (!json) return json.error();
    Result<ShardIndex> index = read_shard_index(*json);
    if (!index) return corrupt(place, index.error().detail);
    return index;
}

// The paths of the files that hold weights.
Result<std::set<std::string>> shard_paths(const fs::path& folder,
                                          const std::vector<std::string>& paths,
                                          const std::string& index_path, const ShardIndex& index) {
    std::set<std::string> shards;
    if (index_path.empty()) {
        for (const std::string& path : paths)
            if (path.find('/') == std::string::npos && path.ends_with(kShardSuffix))
                shards.insert(path);
        if (shards.empty()) return corrupt(folder, "holds no .safetensors file");
    }
    for (const auto& [array, path] : index) {
        if (!is_safe_path(path) || !path.ends_with(kShardSuffix))
            return corrupt(folder / index_path,
                           fmt::format("array {} in no safe file name", array));
        if (!std::binary_search(paths.begin(), paths.end(), path))
            return Error{Fault::missing, fmt::format("{}: names {}, which is not there (array {})",
                                                     (folder / index_path).string(), path, array)};
        shards.insert(path);
    }
    if (shards.size() > kMaxShards) return corrupt(folder, "more files than any model has");
    return shards;
}

Result<Done> check_index(const fs::path& place, const ShardIndex& index,
                         const std::vector<CheckpointShard>& shards) {
    std::set<std::pair<std::string_view, std::string_view>> held;
    for (const CheckpointShard& shard : shards)
        for (const TensorPlace& tensor : shard.parsed.tensors)
            held.emplace(tensor.spec.name, shard.path);
    for (const auto& [array, path] : index)
        if (!held.contains({array, path}))
            return corrupt(place,
                           fmt::format("says array {} is in {}, which lacks it", array, path));
    return Done{};
}

Result<CheckpointFile> open_other(const fs::path& folder, const std::string& path) {
    const OpenFile open(folder / path);
    if (open.error) return *open.error;
    if (open.size_bytes > kMaxOtherFileBytes)
        return corrupt(folder / path, "is no weights and above 4 GiB; move it out of the folder");
    return CheckpointFile{path, open.size_bytes};
}

Result<Checkpoint> with_table(const fs::path& folder, bool is_folder,
                              std::vector<CheckpointShard> shards,
                              std::vector<CheckpointFile> others) {
    Result<ArrayTable> table = table_of(shards);
    if (!table) return corrupt(folder, table.error().detail);
    return Checkpoint{folder, is_folder, std::move(shards), std::move(others), std::move(*table)};
}

Result<Checkpoint> open_folder(const fs::path& folder) {
    const Result<std::vector<std::string>> paths = Listing(folder).collect();
    if (!paths) return paths.error();
    const Result<std::string> index_path = index_among(folder, *paths);
    if (!index_path) return index_path.error();
    ShardIndex index;
    if (!index_path->empty()) {
        Result<ShardIndex> read = read_index(folder / *index_path);
        if (!read) return read.error();
        index = std::move(*read);
    }
    const Result<std::set<std::string>> weights = shard_paths(folder, *paths, *index_path, index);
    if (!weights) return weights.error();
    std::vector<CheckpointShard> shards;
    std::vector<CheckpointFile> others;
    for (const std::string& path : *paths) {
        if (weights->contains(path)) {
            Result<CheckpointShard> shard = open_shard(folder, path);
            if (!shard) return shard.error();
            shards.push_back(std::move(*shard));
        } else {
            Result<CheckpointFile> other = open_other(folder, path);
            if (!other) return other.error();
            others.push_back(std::move(*other));
        }
    }
    if (others.size() > kMaxOtherFiles) return corrupt(folder, "holds too many files");
    const Result<Done> checked = check_index(folder / *index_path, index, shards);
    if (!checked) return checked.error();
    return with_table(folder, true, std::move(shards), std::move(others));
}

// Where each array of the file lies in the flat buffer is the table's to say.
Result<Done> read_shard(const Checkpoint& checkpoint, const CheckpointShard& shard,
                        std::span<std::byte> words, const PieceDone& piece_done) {
    const fs::path place = checkpoint.folder / shard.path;
    const OpenFile open(place);
    if (open.error) return *open.error;
    if (open.size_bytes != shard.parsed.file_bytes)
        return corrupt(place, "has changed since it was opened");
    const TensorLayout& layout = checkpoint.table.layout();
    for (const TensorPlace& tensor : shard.parsed.tensors) {
        const std::size_t start = layout.offset_bytes(*layout.index_of(tensor.spec.name));
        for (std::uint64_t done = 0; done < tensor.size_bytes;) {
            const std::size_t bytes =
                std::min<std::uint64_t>(kPieceBytes, tensor.size_bytes - done);
            const Result<std::size_t> read = read_at(open.file.number(), tensor.offset_bytes + done,
                                                     words.subspan(start + done, bytes));
            if (!read)
                return Error{read.error().fault, place.string() + ": " + read.error().detail};
            if (*read != bytes) return corrupt(place, "became shorter while it was read");
            if (piece_done && !piece_done(bytes)) return Error{Fault::transport, "stopped"};
            done += bytes;
        }
    }
    return Done{};
}

}  // namespace

Result<Checkpoint> open_checkpoint(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (error && status.type() != fs::file_type::not_found) return unreadable(path, error.value());
    if (status.type() == fs::file_type::not_found) return unreadable(path, ENOENT);
    // "model/" and "model" are one folder: a path's last name is never empty.
    const fs::path named = path.has_filename() ? path : path.parent_path();
    if (status.type() == fs::file_type::directory) return open_folder(named);
    const fs::path folder = named.has_parent_path() ? named.parent_path() : fs::path(".");
    if (!is_safe_path(named.filename().string()))
        return corrupt(named, "has a name that cannot be carried along");
    Result<CheckpointShard> shard = open_shard(folder, named.filename().string());
    if (!shard) return shard.error();
    std::vector<CheckpointShard> shards;
    shards.push_back(std::move(*shard));
    return with_table(folder, false, std::move(shards), {});
}

Result<Bytes> read_words(const Checkpoint& checkpoint, const PieceDone& piece_done) {
    Bytes words(checkpoint.table.layout().size_bytes());
    for (const CheckpointShard& shard : checkpoint.shards) {
        const Result<Done> read = read_shard(checkpoint, shard, words, piece_done);
        if (!read) return read.error();
    }
    return words;
}

Result<Bytes> read_other(const Checkpoint& checkpoint, const CheckpointFile& file) {
    const fs::path place = checkpoint.folder / file.path;
    const OpenFile open(place);
    if (open.error) return *open.error;
    if (open.size_bytes != file.size_bytes)
        return corrupt(place, "has changed since it was opened");
    return read_start(place, open, file.size_bytes);
}

}  // namespace dws
