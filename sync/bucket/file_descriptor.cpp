#include "sync/bucket/file_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace dws {

bool FileDescriptor::close() {
    if (number_ < 0) return true;
    const int number = number_;
    number_ = -1;
    return ::close(number) == 0;
}

int write_all(int descriptor, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return 0;
}

Result<std::size_t> read_at(int descriptor, std::uint64_t offset, std::span<std::byte> bytes) {
    std::size_t total = 0;
    while (total < bytes.size()) {
        const ssize_t read = ::pread(descriptor, bytes.data() + total, bytes.size() - total,
                                     static_cast<off_t>(offset + total));
        if (read < 0 && errno == EINTR) continue;
        if (read < 0) return Error{Fault::transport, std::generic_category().message(errno)};
        if (read == 0) break;
        total += static_cast<std::size_t>(read);
    }
    return total;
}

int flush_folder(const std::filesystem::path& folder) {
    FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open()) return errno;
    return ::fsync(opened.number()) == 0 ? 0 : errno;
}

}  // namespace dws
