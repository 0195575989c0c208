// Reading an object, or a range of one, by HTTP. The first piece tells how large the object is; the
// rest of a large one comes in pieces of its own, several at a time, into one buffer. Memory never
// goes past the range that was asked for, nor past what the store says the object holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sync/bucket/bucket.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/bucket/http_client.h"

namespace dws {

// How a store is asked: S3 signs, the hub takes a token.
struct RangeSource {
    // GET with the header "range: bytes=..."; the body goes to `room`. Called by several threads.
    std::function<HttpReply(const std::string& range, std::size_t bytes, const HttpRoom& room)> get;
    // What a reply means that is no success.
    std::function<Error(const HttpReply&)> failure;
};

struct PieceOptions {
    std::uint64_t bytes = 16u << 20;
    std::size_t at_once = 4;
};

// Each piece is asked for again on its own, all within one deadline. An object that is replaced
// while it is read is Fault::corrupt.
Result<Bytes> read_object(const RangeSource& source, ByteRange range, const PieceOptions& pieces,
                          const Retries& retries);

}  // namespace dws
