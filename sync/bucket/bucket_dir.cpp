#include "sync/bucket/bucket_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <stdexcept>
#include <system_error>

#include "base/require.h"
#include "sync/bucket/file_descriptor.h"
#include "sync/bucket/new_file.h"
#include "sync/sha256.h"

namespace dws {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUnfinishedFolder = ".tmp";
// No upload of one object takes an hour without its writer having given up on it.
constexpr std::chrono::hours kUnfinishedLife{1};

std::string text_of_error(int error_number) {
    const std::string text = std::generic_category().message(error_number);
    if (error_number == ENOSPC || error_number == EDQUOT) return "disk full: " + text;
    return text;
}

bool is_usable_key(std::string_view key) {
    return is_valid_key(key) && key.substr(0, key.find('/')) != kUnfinishedFolder;
}

Error bad_key(std::string_view key) {
    return Error{Fault::corrupt, fmt::format("\"{}\" is not a valid bucket key", key)};
}

// Creates what is missing of `folder` and flushes each parent that gained an entry. 0 or an errno.
int make_folders(const fs::path& folder) {
    if (folder.empty() || ::access(folder.c_str(), F_OK) == 0) return 0;
    if (const int error = make_folders(folder.parent_path()); error != 0) return error;
    if (::mkdir(folder.c_str(), 0777) != 0) return errno == EEXIST ? 0 : errno;
    return flush_folder(folder.has_parent_path() ? folder.parent_path() : ".");
}

// The object under the file's own name, and the folders of the path it is meant for: removing an
// object leaves them, so they may be there or not. 0 or an errno.
int write_for(const fs::path& path, std::span<const std::byte> object, NewFile& file) {
    if (const int error = make_folders(path.parent_path()); error != 0) return error;
    file.append(object);
    return file.finish();
}

void remove_abandoned(const fs::path& folder) {
    const auto oldest_kept = fs::file_time_type::clock::now() - kUnfinishedLife;
    std::error_code error;  // a file another process removes first is no failure of ours
    for (fs::directory_iterator file(folder, error), end; !error && file != end;
         file.increment(error)) {
        std::error_code file_error;
        const auto written = file->last_write_time(file_error);
        if (!file_error && written < oldest_kept) fs::remove(file->path(), file_error);
    }
}

// The keys under `start`, a folder of the bucket, with `start_key` ("run/log/" or "") before each.
void collect_objects(const fs::path& start, const std::string& start_key, std::string_view prefix,
                     std::vector<std::string>& keys, std::error_code& error) {
    for (fs::recursive_directory_iterator entry(start, error), end; !error && entry != end;
         entry.increment(error)) {
        const fs::path& path = entry->path();
        std::error_code type_error;
        if (entry.depth() == 0 && start_key.empty() && path.filename() == kUnfinishedFolder) {
            entry.disable_recursion_pending();
        } else if (entry->is_regular_file(type_error)) {
            std::string key = start_key + path.lexically_relative(start).generic_string();
            if (key.starts_with(prefix)) keys.push_back(std::move(key));
        }
    }
}

void collect_folders(const fs::path& start, const std::string& start_key, std::string_view prefix,
                     std::vector<std::string>& keys, std::error_code& error) {
    for (fs::directory_iterator entry(start, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        std::error_code type_error;
        if (!entry->is_directory(type_error)) continue;
        if (start_key.empty() && name == kUnfinishedFolder) continue;
        std::string key = start_key + name + "/";
        if (key.starts_with(prefix)) keys.push_back(std::move(key));
    }
}

}  // namespace

BucketDir::BucketDir(fs::path folder, BucketAccess access)
    : folder_(std::move(folder)), access_(access), unfinished_(folder_ / kUnfinishedFolder) {
    if (access_ == BucketAccess::write)
        prepare_to_write();
    else
        check_readable();
}

void BucketDir::check_readable() const {
    const FileDescriptor file(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.is_open()) {
        throw std::runtime_error(
            fmt::format("bucket folder {} cannot be read: {}; check the bucket's address, or start "
                        "the run that makes it",
                        folder_.string(), text_of_error(errno)));
    }
}

void BucketDir::prepare_to_write() const {
    if (const int error = make_folders(unfinished_); error != 0) {
        throw std::runtime_error(
            fmt::format("bucket folder {} is not writable: {}; choose another folder or its rights",
                        folder_.string(), text_of_error(error)));
    }
    // Root may write where the permission bits say no, so only trying tells.
    const fs::path trial = unfinished_ / random_hex(8);
    const FileDescriptor file(::open(trial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file.is_open()) {
        throw std::runtime_error(
            fmt::format("bucket folder {} is not writable: {}; choose another folder or its rights",
                        folder_.string(), text_of_error(errno)));
    }
    ::unlink(trial.c_str());
    remove_abandoned(unfinished_);
}

fs::path BucketDir::path_of(std::string_view key) const { return folder_ / key; }

Error BucketDir::failure(std::string_view verb, std::string_view key, int error_number) const {
    return Error{Fault::transport, fmt::format("{} {} in bucket folder {}: {}", verb, key,
                                               folder_.string(), text_of_error(error_number))};
}

fs::path BucketDir::unfinished_path() const {
    require(access_ == BucketAccess::write, "a bucket opened to be read is not written");
    return unfinished_ / fmt::format("{}-{}", ::getpid(), random_hex(8));
}

Result<Done> BucketDir::put(std::string_view key, std::span<const std::byte> object) {
    if (!is_usable_key(key)) return bad_key(key);
    const fs::path path = path_of(key);
    NewFile file(unfinished_path());
    int error = write_for(path, object, file);
    if (error == 0) error = file.replace(path);
    if (error != 0) return failure("put", key, error);
    return Done{};
}

Result<PutOutcome> BucketDir::put_if_absent(std::string_view key,
                                            std::span<const std::byte> object) {
    if (!is_usable_key(key)) return bad_key(key);
    const fs::path path = path_of(key);
    // Whoever reads `existed` builds on the object, so it outlives a power cut: its writer may not
    // have come to that yet.
    const auto existed = [&]() -> Result<PutOutcome> {
        const int unflushed = flush_folder(path.parent_path());
        if (unflushed != 0) return failure("put", key, unflushed);
        return PutOutcome::existed;
    };
    if (::access(path.c_str(), F_OK) == 0) return existed();  // saves writing it
    NewFile file(unfinished_path());
    // Before its name is asked for: EEXIST shall say one thing.
    if (const int error = write_for(path, object, file); error != 0)
        return failure("put", key, error);
    const int error = file.create(path);
    if (error == EEXIST) return existed();
    if (error != 0) return failure("put", key, error);
    return PutOutcome::created;
}

Result<Bytes> BucketDir::get(std::string_view key, ByteRange range) {
    if (!is_usable_key(key)) return bad_key(key);
    // O_NONBLOCK: what is no regular file, as a FIFO, is not waited for.
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    const FileDescriptor file(::open(path_of(key).c_str(), flags));
    if (!file.is_open()) {
        if (errno != ENOENT && errno != ENOTDIR) return failure("get", key, errno);
        return Error{Fault::missing,
                     fmt::format("no object {} in bucket folder {}", key, folder_.string())};
    }
    struct stat about {};
    if (::fstat(file.number(), &about) != 0) return failure("get", key, errno);
    if (!S_ISREG(about.st_mode)) {
        return Error{Fault::missing,
                     fmt::format("{} is no object in bucket folder {}", key, folder_.string())};
    }
    const std::uint64_t size = static_cast<std::uint64_t>(about.st_size);
    if (range.offset >= size) return Bytes{};
    Bytes bytes(std::min(size - range.offset, range.length));
    const Result<std::size_t> read = read_at(file.number(), range.offset, bytes);
    if (!read)
        return Error{read.error().fault, fmt::format("get {}: {}", key, read.error().detail)};
    bytes.resize(*read);
    return bytes;
}

Result<std::vector<std::string>> BucketDir::list(std::string_view prefix, Listing what) {
    const std::size_t slash = prefix.rfind('/');
    const bool is_whole = slash == std::string_view::npos;
    const std::string_view folder = is_whole ? std::string_view{} : prefix.substr(0, slash);
    if (!is_whole && !is_usable_key(folder)) return bad_key(prefix);
    const std::string start_key = is_whole ? std::string{} : std::string(folder) + "/";

    std::vector<std::string> keys;
    std::error_code error;
    const auto collect = what == Listing::objects ? collect_objects : collect_folders;
    collect(folder_ / folder, start_key, prefix, keys, error);
    // A folder that is not there holds no objects; one removed while listing held none either.
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
        return failure("list", prefix, error.value());
    }
    std::sort(keys.begin(), keys.end());
    return keys;
}

Result<Done> BucketDir::remove(std::string_view key) {
    require(access_ == BucketAccess::write, "nothing is removed from a bucket opened to be read");
    if (!is_usable_key(key)) return bad_key(key);
    if (::unlink(path_of(key).c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return failure("remove", key, errno);
    }
    return Done{};
}

}  // namespace dws
