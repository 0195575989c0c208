// An open file of the operating system, closed when it goes out of scope, and whole reads and
// writes on one: the system's own may stop half-way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"

namespace dws {

class FileDescriptor {
public:
    explicit FileDescriptor(int number) : number_(number) {}  // takes what open() returned
    ~FileDescriptor() { close(); }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;

    bool is_open() const { return number_ >= 0; }
    int number() const { return number_; }
    // False with errno set when the system found a late write error.
    bool close();

private:
    int number_;
};

// 0, or the errno of the write that failed.
int write_all(int descriptor, std::span<const std::byte> bytes);

// Reads into `bytes` from offset on; fewer only when the file ends sooner.
Result<std::size_t> read_at(int descriptor, std::uint64_t offset, std::span<std::byte> bytes);

// Makes the folder's entries survive a power cut. 0 or an errno.
int flush_folder(const std::filesystem::path& folder);

}  // namespace dws
