#include "sync/bucket/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace dws {
namespace {

int open_new(const std::filesystem::path& path, unsigned mode) {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

int flush_folder_of(const std::filesystem::path& name) {
    return flush_folder(name.has_parent_path() ? name.parent_path() : ".");
}

}  // namespace

NewFile::NewFile(std::filesystem::path path, unsigned mode)
    : path_(std::move(path)),
      file_(open_new(path_, mode)),
      error_(file_.is_open() ? 0 : errno),
      is_ours_(file_.is_open()) {}

NewFile::~NewFile() {
    if (is_ours_) ::unlink(path_.c_str());
}

void NewFile::append(std::span<const std::byte> bytes) {
    if (error_ != 0) return;
    error_ = write_all(file_.number(), bytes);
    if (error_ == 0) size_bytes_ += bytes.size();
}

int NewFile::finish() {
    if (error_ == 0 && file_.is_open()) {
        if (::fsync(file_.number()) != 0) error_ = errno;
        if (!file_.close() && error_ == 0) error_ = errno;
    }
    if (error_ == 0) is_ours_ = false;
    return error_;
}

int NewFile::replace(const std::filesystem::path& name) {
    if (finish() != 0) return error_;
    if (::rename(path_.c_str(), name.c_str()) != 0) {
        error_ = errno;
        ::unlink(path_.c_str());
        return error_;
    }
    return error_ = flush_folder_of(name);
}

int NewFile::create(const std::filesystem::path& name) {
    if (finish() != 0) return error_;
    // link() fails when the name is taken; rename() would replace.
    if (::link(path_.c_str(), name.c_str()) != 0) error_ = errno;
    ::unlink(path_.c_str());
    if (error_ == 0) error_ = flush_folder_of(name);
    return error_;
}

}  // namespace dws
