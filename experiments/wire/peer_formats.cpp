// What other systems put on the wire, in good C++: changes found with the fastest kernels this
// machine has, zstd in pieces so that threads work, contexts and buffers reused.
//
// A peer gets what its own system may not have. Arrays count as one, so that none needs a header.
// Nor do pieces, and a piece alone falls back to wide gaps, not its array. Its bytes are trusted:
// nothing checks them before they are used, and nothing brings them together into one file.
#include <algorithm>
#include <deque>

#include "experiments/wire/sparse_streams.h"
#include "experiments/wire/wire_format.h"
#include "experiments/wire/zstd_context.h"
#include "sync/parallel.h"
#include "sync/words.h"

namespace dws {

namespace {

// A piece of dense XORs and what zstd makes of it stay in a core's L2. Sparse pieces are larger:
// at 1 % they hold 40,000 changes, so that zstd's tables weigh nothing.
constexpr std::size_t kDensePieceBytes = 512 << 10;
constexpr std::size_t kSparsePieceBytes = 8 << 20;

// Hands out the pieces of the pair's buffer: work(scratch of the thread, index, offset, bytes).
template <class Scratch, class Work>
void for_each_part(std::size_t buffer_bytes, std::size_t piece_bytes, std::size_t threads,
                   std::deque<Scratch>& scratch, Work work) {
    while (scratch.size() < threads) scratch.emplace_back();
    const std::size_t pieces = (buffer_bytes + piece_bytes - 1) / piece_bytes;
    for_each_piece(threads, pieces, [&](std::size_t thread, std::size_t index) {
        const std::size_t offset = index * piece_bytes;
        work(scratch[thread], index, offset, std::min(piece_bytes, buffer_bytes - offset));
    });
}

// Positions and values of changes, with or without zstd level 1 over each of the two.
class SparseFormat : public WireFormat {
public:
    SparseFormat(std::string name, SparseForm form, bool has_zstd)
        : name_(std::move(name)), form_(form), has_zstd_(has_zstd) {}

    const std::string& name() const override { return name_; }

    void encode(const VersionPair& pair, std::size_t threads) override {
        pieces_.resize(pair.base.size() / kSparsePieceBytes + 1);
        for_each_part(
            pair.base.size(), kSparsePieceBytes, threads, scratch_,
            [&](Scratch& scratch, std::size_t index, std::size_t offset, std::size_t bytes) {
                Piece& piece = pieces_[index];
                SparseStreams& plain = has_zstd_ ? scratch.plain : piece.streams;
                collect_changes(form_, std::span(pair.base).subspan(offset, bytes),
                                std::span(pair.next).subspan(offset, bytes), scratch.found, plain);
                piece.positions_bytes = plain.position_bytes * plain.changes;
                piece.values_bytes = 2 * plain.changes;
                if (has_zstd_) compress(scratch, piece);
            });
    }

    std::uint64_t encoded_bytes() const override {
        std::uint64_t bytes = 0;
        for (const Piece& piece : pieces_) bytes += piece.positions_bytes + piece.values_bytes;
        return bytes;
    }

    bool patch(const VersionPair&, std::span<std::byte> words, std::size_t threads) override {
        for_each_part(words.size(), kSparsePieceBytes, threads, scratch_,
                      [&](Scratch& scratch, std::size_t index, std::size_t offset, std::size_t) {
                          const Piece& piece = pieces_[index];
                          if (has_zstd_) decompress(piece, scratch);
                          const SparseStreams& plain = has_zstd_ ? scratch.plain : piece.streams;
                          scatter_changes(form_, plain.positions.data(), plain.values.data(),
                                          piece.streams.changes, piece.streams.position_bytes,
                                          words.data() + offset);
                      });
        return true;
    }

private:
    struct Scratch {
        ZstdContext zstd;
        std::vector<std::uint16_t> found;
        SparseStreams plain;
    };
    struct Piece {
        SparseStreams streams;            // as they are sent
        std::size_t positions_bytes = 0;  // sent
        std::size_t values_bytes = 0;
    };

    // The piece's lengths are those of the plain streams before, of the sent ones afterwards.
    static void compress(Scratch& scratch, Piece& piece) {
        const SparseStreams& plain = scratch.plain;
        piece.streams.changes = plain.changes;
        piece.streams.position_bytes = plain.position_bytes;
        const auto stream = [&](const Bytes& from, std::size_t bytes, Bytes& to) {
            return scratch.zstd.compress(std::span(from).first(bytes),
                                         room_for(to, ZstdContext::bound(bytes)));
        };
        piece.positions_bytes =
            stream(plain.positions, piece.positions_bytes, piece.streams.positions);
        piece.values_bytes = stream(plain.values, piece.values_bytes, piece.streams.values);
    }

    static void decompress(const Piece& piece, Scratch& scratch) {
        const auto stream = [&](const Bytes& from, std::size_t sent, Bytes& to, std::size_t bytes) {
            scratch.zstd.decompress(std::span(from).first(sent), {room_for(to, bytes), bytes});
        };
        const SparseStreams& sent = piece.streams;
        stream(sent.positions, piece.positions_bytes, scratch.plain.positions,
               sent.position_bytes * sent.changes);
        stream(sent.values, piece.values_bytes, scratch.plain.values, 2 * sent.changes);
    }

    const std::string name_;
    const SparseForm form_;
    const bool has_zstd_;
    std::deque<Scratch> scratch_;  // by thread
    std::vector<Piece> pieces_;
};

// Old word XOR new word for every word, changed or not, and zstd level 1.
class DenseXorFormat : public WireFormat {
public:
    const std::string& name() const override { return name_; }

    void encode(const VersionPair& pair, std::size_t threads) override {
        pieces_.resize((pair.base.size() + kDensePieceBytes - 1) / kDensePieceBytes);
        for_each_part(
            pair.base.size(), kDensePieceBytes, threads, scratch_,
            [&](Scratch& scratch, std::size_t index, std::size_t offset, std::size_t bytes) {
                std::byte* xors = room_for(scratch.xors, bytes);
                store_xors(pair.base.data() + offset, pair.next.data() + offset, bytes, xors);
                Piece& piece = pieces_[index];
                piece.used = scratch.zstd.compress(
                    {xors, bytes}, room_for(piece.bytes, ZstdContext::bound(bytes)));
            });
    }

    std::uint64_t encoded_bytes() const override {
        std::uint64_t bytes = 0;
        for (const Piece& piece : pieces_) bytes += piece.used;
        return bytes;
    }

    bool patch(const VersionPair&, std::span<std::byte> words, std::size_t threads) override {
        for_each_part(
            words.size(), kDensePieceBytes, threads, scratch_,
            [&](Scratch& scratch, std::size_t index, std::size_t offset, std::size_t bytes) {
                std::byte* xors = room_for(scratch.xors, bytes);
                const Piece& piece = pieces_[index];
                scratch.zstd.decompress(std::span(piece.bytes).first(piece.used), {xors, bytes});
                store_xors(words.data() + offset, xors, bytes, words.data() + offset);
            });
        return true;
    }

private:
    struct Scratch {
        ZstdContext zstd;
        Bytes xors;
    };
    struct Piece {
        Bytes bytes;  // longer than used
        std::size_t used = 0;
    };

    // to may be left. The compiler makes whole registers of it.
    static void store_xors(const std::byte* left, const std::byte* right, std::size_t bytes,
                           std::byte* to) {
        for (std::size_t offset = 0; offset < bytes; offset += 8) {
            store_word(to + offset, load_word<std::uint64_t>(left + offset) ^
                                        load_word<std::uint64_t>(right + offset));
        }
    }

    const std::string name_ = "xor+zstd";
    std::deque<Scratch> scratch_;  // by thread
    std::vector<Piece> pieces_;
};

}  // namespace

WireFormats make_peer_formats() {
    WireFormats formats;
    const auto add = [&](const char* name, SparseForm form, bool has_zstd) {
        formats.push_back(std::make_unique<SparseFormat>(name, form, has_zstd));
    };
    add("raw", {.has_gaps = false, .has_xors = false}, false);           // TRL, vLLM, verl
    add("gap_delta", {.has_gaps = true, .has_xors = false}, false);      // TRL v3, slime
    add("gap_delta+zstd", {.has_gaps = true, .has_xors = false}, true);  // slime, PULSE
    formats.push_back(std::make_unique<DenseXorFormat>());               // SkyRL, slime v2, Stitch
    add("gap+xor+zstd", {.has_gaps = true, .has_xors = true}, true);     // NeMo-RL
    return formats;
}

}  // namespace dws
