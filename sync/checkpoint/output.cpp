#include "sync/checkpoint/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/require.h"
#include "sync/bucket/file_descriptor.h"
#include "sync/bucket/new_file.h"
#include "sync/checkpoint/path.h"
#include "sync/sha256.h"

namespace dws {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPieceBytes = 16u << 20;  // between two looks at who waits

Error failure(const fs::path& path, int error_number) {
    const std::string text = std::generic_category().message(error_number);
    const bool is_full = error_number == ENOSPC || error_number == EDQUOT;
    return Error{Fault::transport,
                 fmt::format("{}: {}{}", path.string(), is_full ? "disk full: " : "", text)};
}

Error taken(const fs::path& out) {
    return Error{Fault::corrupt, fmt::format("{} exists already", out.string())};
}

bool is_free(const fs::path& out, CheckpointOutput::Form form) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(out, error);
    if (status.type() == fs::file_type::not_found) return true;
    return form == CheckpointOutput::Form::folder && status.type() == fs::file_type::directory &&
           fs::is_empty(out, error) && !error;
}

// The entries of all folders, so that a power cut does not lose files that were flushed.
Result<Done> flush_folders(const fs::path& folder) {
    std::error_code error;
    for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code type_error;
        if (!entry->is_directory(type_error)) continue;
        if (const int number = flush_folder(entry->path()); number != 0)
            return failure(entry->path(), number);
    }
    if (const int number = flush_folder(folder); number != 0) return failure(folder, number);
    return Done{};
}

}  // namespace

CheckpointOutput::CheckpointOutput(fs::path out, fs::path partial, Form form)
    : out_(std::move(out)), partial_(std::move(partial)), form_(form) {}

CheckpointOutput::CheckpointOutput(CheckpointOutput&& other) noexcept
    : out_(std::move(other.out_)),
      partial_(std::exchange(other.partial_, fs::path())),
      form_(other.form_),
      last_(std::move(other.last_)) {}

CheckpointOutput::~CheckpointOutput() {
    if (partial_.empty()) return;
    std::error_code ignored;
    fs::remove_all(partial_, ignored);
}

Result<CheckpointOutput> CheckpointOutput::begin(const fs::path& out, Form form) {
    const fs::path named = out.has_filename() ? out : out.parent_path();
    if (!named.has_filename() || named.filename() == "." || named.filename() == "..")
        return Error{Fault::corrupt, fmt::format("\"{}\" is no name to write", out.string())};
    if (!is_free(named, form)) return taken(named);
    const fs::path partial = fs::path(named) += ".partial-" + random_hex(4);
    std::error_code error;
    fs::create_directory(partial, error);
    if (error.value() == ENOENT || error.value() == ENOTDIR)
        return Error{Fault::missing,
                     fmt::format("{}: there is no folder to write it in", named.string())};
    if (error) return failure(partial, error.value());
    return CheckpointOutput(named, partial, form);
}

Result<Done> CheckpointOutput::write_shard(const CheckpointShard& shard, const ArrayTable& table,
                                           std::span<const std::byte> words,
                                           const PieceDone& piece_done) {
    require(is_safe_path(shard.path), "a path is checked before it is written to");
    last_ = partial_ / shard.path;
    std::error_code error;
    fs::create_directories(last_.parent_path(), error);
    if (error) return failure(last_.parent_path(), error.value());
    NewFile file(last_);
    file.append(shard.header);
    const TensorLayout& layout = table.layout();
    for (const TensorPlace& tensor : shard.parsed.tensors) {
        const std::optional<std::size_t> index = layout.index_of(tensor.spec.name);
        require(index.has_value(), "the table holds every array of the shard");
        std::span<const std::byte> rest =
            words.subspan(layout.offset_bytes(*index), tensor.size_bytes);
        while (!rest.empty() && !file.has_failed()) {
            const auto piece = rest.first(std::min(kPieceBytes, rest.size()));
            file.append(piece);
            if (piece_done && !piece_done(piece.size())) return Error{Fault::transport, "stopped"};
            rest = rest.subspan(piece.size());
        }
    }
    if (const int number = file.finish(); number != 0) return failure(last_, number);
    return Done{};
}

Result<Done> CheckpointOutput::write_file(const std::string& path,
                                          std::span<const std::byte> bytes) {
    require(is_safe_path(path), "a path is checked before it is written to");
    last_ = partial_ / path;
    std::error_code error;
    fs::create_directories(last_.parent_path(), error);
    if (error) return failure(last_.parent_path(), error.value());
    NewFile file(last_);
    file.append(bytes);
    if (const int number = file.finish(); number != 0) return failure(last_, number);
    return Done{};
}

Result<Done> CheckpointOutput::finish() {
    const Result<Done> flushed = flush_folders(partial_);
    if (!flushed) return flushed;
    if (form_ == Form::file) {
        // link() fails when the name is taken by now; rename() would replace.
        if (::link(last_.c_str(), out_.c_str()) != 0)
            return errno == EEXIST ? taken(out_) : failure(out_, errno);
    } else {
        if (::rename(partial_.c_str(), out_.c_str()) != 0) {
            const bool is_taken = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR;
            return is_taken ? taken(out_) : failure(out_, errno);
        }
        partial_.clear();
    }
    const fs::path parent = out_.has_parent_path() ? out_.parent_path() : fs::path(".");
    if (const int error = flush_folder(parent); error != 0) return failure(parent, error);
    return Done{};
}

Result<Done> write_new_file(const fs::path& out, std::span<const std::byte> bytes) {
    Result<CheckpointOutput> output = CheckpointOutput::begin(out, CheckpointOutput::Form::file);
    if (!output) return output.error();
    const Result<Done> written = output->write_file("file", bytes);
    if (!written) return written;
    return output->finish();
}

}  // namespace dws
