#include "sync/tool/local_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "sync/bucket/file_descriptor.h"

namespace dws {

Result<Bytes> read_local_file(const std::string& path, std::uint64_t most_bytes) {
    // O_NONBLOCK: what is no regular file, as a FIFO, is not waited for.
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (!file.is_open() || ::fstat(file.number(), &about) != 0)
        return Error{errno == ENOENT ? Fault::missing : Fault::transport,
                     fmt::format("{}: {}", path, std::generic_category().message(errno))};
    if (!S_ISREG(about.st_mode)) return Error{Fault::corrupt, path + ": is no file"};
    const auto size = static_cast<std::uint64_t>(about.st_size);
    if (size > most_bytes)
        return Error{Fault::corrupt,
                     fmt::format("{}: {} bytes, it can need at most {}", path, size, most_bytes)};
    Bytes bytes(size);
    const Result<std::size_t> read = read_at(file.number(), 0, bytes);
    if (!read) return Error{read.error().fault, path + ": " + read.error().detail};
    bytes.resize(*read);
    return bytes;
}

}  // namespace dws
