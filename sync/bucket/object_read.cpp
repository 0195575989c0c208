#include "sync/bucket/object_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>
#include <mutex>
#include <optional>

#include "sync/parallel.h"

namespace dws {

namespace {

constexpr std::uint64_t kMostObjectBytes = std::numeric_limits<std::int64_t>::max();

// What a success says about the object and the piece of it that follows.
struct Piece {
    std::uint64_t bytes = 0;
    std::uint64_t object_bytes = 0;
    std::string etag;  // another one is another object
};

std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
}

// "bytes 0-99/1234" in answer to `range`: from its start, and either all of it or up to the end of
// the object.
std::optional<Piece> piece_of_range(std::string_view text, ByteRange range) {
    if (!take_word(text, "bytes ")) return std::nullopt;
    const auto first = take_number(text);
    if (!first || !take_word(text, "-")) return std::nullopt;
    const auto last = take_number(text);
    if (!last || !take_word(text, "/")) return std::nullopt;
    const auto all = take_number(text);
    if (!all || !text.empty() || *all > kMostObjectBytes) return std::nullopt;
    if (*first != range.offset || *last < *first || *last >= *all) return std::nullopt;
    const std::uint64_t expected = std::min(range.length, *all - range.offset);
    if (*last - *first + 1 != expected) return std::nullopt;
    return Piece{.bytes = expected, .object_bytes = *all, .etag = {}};
}

// A store that knows no ranges sends all of it, of which the start may be what was asked for.
std::optional<Piece> piece_of_whole(std::string_view length, ByteRange range) {
    const auto all = take_number(length);
    if (!all || !length.empty() || *all > kMostObjectBytes || range.offset != 0)
        return std::nullopt;
    return Piece{.bytes = std::min(range.length, *all), .object_bytes = *all, .etag = {}};
}

std::optional<Piece> piece_of(const HttpReply& reply, ByteRange range) {
    std::optional<Piece> piece = reply.status == 206
                                     ? piece_of_range(reply.header("content-range"), range)
                                     : piece_of_whole(reply.header("content-length"), range);
    if (piece) piece->etag = reply.header("etag");
    return piece;
}

using RoomOf = std::function<std::span<std::byte>(const Piece&)>;

Result<Piece> read_piece(const RangeSource& source, ByteRange range, const RoomOf& room_of) {
    const std::string header =
        fmt::format("bytes={}-{}", range.offset, range.offset + range.length - 1);
    HttpReply reply = source.get(header, range.length, [&](const HttpReply& head) {
        const std::optional<Piece> piece = piece_of(head, range);
        return piece ? room_of(*piece) : std::span<std::byte>{};
    });
    if (reply.status == 416 && reply.failure.empty()) return Piece{};  // it ends before the range
    if (!reply.is_success()) return source.failure(reply);
    const std::optional<Piece> piece = piece_of(reply, range);
    if (piece && reply.body_bytes == piece->bytes) return *piece;
    reply.failure = piece ? fmt::format("the reply broke off after {} of {} bytes",
                                        reply.body_bytes, piece->bytes)
                          : "the reply is not the range that was asked for";
    return source.failure(reply);
}

// What the first piece left of `bytes`, which has room for all of it.
class Rest {
public:
    Rest(const RangeSource& source, const Piece& first, std::uint64_t offset, Bytes& bytes)
        : source_(source), first_(first), offset_(offset), bytes_(bytes) {}

    Result<Done> read(const PieceOptions& options, const Retries& retries) {
        const std::uint64_t rest = bytes_.size() - first_.bytes;
        const std::size_t pieces = (rest + options.bytes - 1) / options.bytes;
        for_each_piece(std::min(options.at_once, pieces), pieces, [&](std::size_t, std::size_t i) {
            if (has_failed_) return;
            const std::uint64_t start = first_.bytes + i * options.bytes;
            const std::uint64_t length =
                std::min<std::uint64_t>(options.bytes, bytes_.size() - start);
            Retries own = retries;
            const Result<Done> done = own.until_answered([&] { return read_one(start, length); });
            if (!done) fail(done.error());
        });
        if (failure_) return *failure_;
        return Done{};
    }

private:
    Result<Done> read_one(std::uint64_t start, std::uint64_t length) {
        const std::span<std::byte> room = std::span(bytes_).subspan(start, length);
        const Result<Piece> piece =
            read_piece(source_, {offset_ + start, length}, [&](const Piece& that) {
                return room.first(std::min<std::size_t>(that.bytes, length));
            });
        if (!piece) return piece.error();
        if (piece->etag == first_.etag && piece->object_bytes == first_.object_bytes) return Done{};
        HttpReply reply;
        reply.failure = "the object was replaced while it was read";
        return Error{Fault::corrupt, source_.failure(reply).detail};
    }

    void fail(const Error& error) {
        std::unique_lock lock(mutex_);
        if (!failure_) failure_ = error;
        has_failed_ = true;
    }

    const RangeSource& source_;
    const Piece first_;
    const std::uint64_t offset_;
    Bytes& bytes_;
    std::atomic<bool> has_failed_{false};
    std::mutex mutex_;
    std::optional<Error> failure_;  // guarded by mutex_; the first
};

}  // namespace

Result<Bytes> read_object(const RangeSource& source, ByteRange range, const PieceOptions& pieces,
                          const Retries& retries) {
    const std::uint64_t offset = std::min(range.offset, kMostObjectBytes - 1);
    const std::uint64_t length = std::min(range.length, kMostObjectBytes - offset);
    const std::uint64_t asked = std::clamp<std::uint64_t>(length, 1, pieces.bytes);
    Bytes bytes;
    Retries own = retries;
    const Result<Piece> first = own.until_answered([&] {
        return read_piece(source, {offset, asked}, [&](const Piece& piece) {
            bytes.resize(piece.bytes);
            return std::span(bytes);
        });
    });
    if (!first) return first.error();
    const std::uint64_t rest = first->object_bytes == 0 ? 0 : first->object_bytes - offset;
    bytes.resize(std::min(length, rest));
    if (bytes.size() <= first->bytes) return bytes;
    const Result<Done> read = Rest(source, *first, offset, bytes).read(pieces, retries);
    if (!read) return read.error();
    return bytes;
}

}  // namespace dws
