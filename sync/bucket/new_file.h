// A file that is there whole and durable, or not at all: it is written under a name of its own,
// flushed, and only then given the name under which others look for it.
//
// Numbers are 0 or the errno of the first thing that failed; after it nothing more is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "sync/bucket/file_descriptor.h"

namespace dws {

class NewFile {
public:
    // path: a free name, on the file system of the name to come. mode: as open() takes it.
    explicit NewFile(std::filesystem::path path, unsigned mode = 0666);
    ~NewFile();  // removes the file, unless one of the three below has succeeded

    void append(std::span<const std::byte> bytes);
    std::uint64_t size_bytes() const { return size_bytes_; }
    bool has_failed() const { return error_ != 0; }

    // The bytes outlive a power cut; the file keeps the path it has.
    int finish();
    // The same, and the file has the name instead, in place of what had it before. The name
    // outlives a power cut too; where only that failed, it is given all the same.
    int replace(const std::filesystem::path& name);
    // EEXIST when the name is taken; what has it is left alone, also over NFS.
    int create(const std::filesystem::path& name);

private:
    const std::filesystem::path path_;
    FileDescriptor file_;
    int error_;
    bool is_ours_;  // what stands at path_, to be removed
    std::uint64_t size_bytes_ = 0;
};

}  // namespace dws
