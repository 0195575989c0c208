#include "experiments/wire/zstd_context.h"

#include <zstd.h>

#include <stdexcept>
#include <string>

namespace dws {

namespace {

// What SkyRL, slime and PULSE use: higher levels cost more time than they save on the line.
constexpr int kLevel = 1;

std::size_t checked(std::size_t result) {
    if (ZSTD_isError(result) == 0) return result;
    throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(result));
}

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct ZstdContext::Parts {
    std::unique_ptr<ZSTD_CCtx, FreeContext> compressor{ZSTD_createCCtx()};
    std::unique_ptr<ZSTD_DCtx, FreeContext> decompressor{ZSTD_createDCtx()};
};

ZstdContext::ZstdContext() : parts_(std::make_unique<Parts>()) {
    if (!parts_->compressor || !parts_->decompressor) throw std::runtime_error("zstd: no memory");
}

ZstdContext::~ZstdContext() = default;

std::size_t ZstdContext::bound(std::size_t bytes) { return ZSTD_compressBound(bytes); }

std::size_t ZstdContext::compress(std::span<const std::byte> from, std::byte* to) {
    return checked(ZSTD_compressCCtx(parts_->compressor.get(), to, bound(from.size()), from.data(),
                                     from.size(), kLevel));
}

void ZstdContext::decompress(std::span<const std::byte> from, std::span<std::byte> to) {
    const std::size_t bytes = checked(ZSTD_decompressDCtx(parts_->decompressor.get(), to.data(),
                                                          to.size(), from.data(), from.size()));
    if (bytes != to.size()) throw std::runtime_error("zstd: other length than was compressed");
}

}  // namespace dws
