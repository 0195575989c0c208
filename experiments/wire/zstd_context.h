// One thread's zstd state, made once: a compressor of level 1 and its decompressor. Throws
// std::runtime_error where the library fails.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace dws {

class ZstdContext {
public:
    ZstdContext();
    ~ZstdContext();

    // The most that compress() may write for so many bytes.
    static std::size_t bound(std::size_t bytes);
    // to: room for bound(from.size()). Returns how many bytes were written.
    std::size_t compress(std::span<const std::byte> from, std::byte* to);
    // to: exactly as long as what was compressed.
    void decompress(std::span<const std::byte> from, std::span<std::byte> to);

private:
    struct Parts;
    const std::unique_ptr<Parts> parts_;
};

}  // namespace dws
