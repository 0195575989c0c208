#include "experiments/wire/operations.h"

#include <functional>
#include <optional>
#include <stdexcept>

#include "base/require.h"
#include "sync/codec/compact.h"
#include "sync/codec/compact_tile_decoder.h"
#include "sync/digest.h"
#include "sync/replica.h"
#include "sync/sha256.h"

namespace dws {

namespace {

void check_same(const VersionPair& pair, const Bytes& words, const char* by) {
    if (words != pair.next) throw std::runtime_error(std::string(by) + ": other words");
}

// What staging a version keeps: the digest of each changed tile, afterwards.
Digest digest_of(const ArrayTable& table, const Changes& changes) {
    Digest digest;
    for (const auto& [tile, tile_changes] : changes) {
        digest += digest_change(table, tile, tile_changes);
    }
    return digest;
}

// Times each operation and a copy in turn.
class Rounds {
public:
    Rounds(const VersionPair& pair, std::size_t rounds, Bytes& words)
        : pair_(pair), rounds_(rounds), words_(words) {
        words_.resize(pair.base.size());
    }

    // The words are the base's before each `work`. before: not timed.
    void measure(
        const std::string& name, const std::function<void()>& work,
        const std::function<void()>& before = [] {}) {
        std::vector<Timing> copies, timings;
        for (std::size_t round = 0; round < rounds_; ++round) {
            copies.push_back(time_of(1, [&] { copy_words(pair_.base, words_, 1); }));
            before();
            timings.push_back(time_of(1, work));
        }
        rows_.push_back({name, median(timings), median(copies)});
    }
    std::vector<OperationRow> take() { return std::move(rows_); }

private:
    const VersionPair& pair_;
    const std::size_t rounds_;
    Bytes& words_;
    std::vector<OperationRow> rows_;
};

// A replica with two copies of the weights, going to the next version and back again.
class TwoCopies {
public:
    explicit TwoCopies(const VersionPair& pair)
        : table_(pair.table), live_(pair.base), spare_(live_.size()) {
        load(pair.base);
        next_ = pair.next;
    }

    // Stages the other version and writes the spare copy: what a worker does in the background.
    void prepare() {
        if (staged_) replica_.follow_up(*staged_);
        const Bytes words(replica_.words().begin(), replica_.words().end());
        Changes changes = diff(table_, words, next_);
        const Record record = record_of(RecordKind::delta, next_, count(changes));
        Result<StagedVersion> staged = replica_.stage_delta(record, std::move(changes));
        require(static_cast<bool>(staged), "what was diffed is staged");
        staged_ = std::move(*staged);
        replica_.prepare(*staged_);
        next_ = words;
    }
    void commit() { replica_.commit(*staged_); }

private:
    Record record_of(RecordKind kind, const Bytes& words, std::uint64_t changed_words) const {
        Record record;
        record.kind = kind;
        record.version = replica_.version() + 1;
        record.base_version = replica_.version();
        record.layout_hash = table_.layout_hash();
        record.digest = sum(digest_tiles(table_, words));
        record.changed_words = changed_words;
        return record;
    }
    void load(const Bytes& words) {
        const auto staged = replica_.stage_anchor(record_of(RecordKind::anchor, words, 0), words);
        require(static_cast<bool>(staged), "an anchor is staged");
        replica_.prepare(*staged);
        replica_.commit(*staged);
        replica_.follow_up(*staged);
    }

    const ArrayTable& table_;
    Bytes live_;
    Bytes spare_;
    Bytes next_;
    Replica replica_{table_, live_, spare_};
    std::optional<StagedVersion> staged_;
};

Bytes encode(const VersionPair& pair, CompactMode mode) {
    Bytes encoded;
    encode_compact(pair.table, pair.base, pair.next, 1, 0, {.mode = mode}, [&](Bytes file) {
        encoded = std::move(file);
        return true;
    });
    return encoded;
}

}  // namespace

std::vector<OperationRow> measure_operations(const VersionPair& pair, std::size_t rounds,
                                             Bytes& words) {
    Rounds measured(pair, rounds, words);
    const Bytes file = encode(pair, CompactMode::classes);
    Changes changes;
    measured.measure("diff into a list", [&] { changes = diff(pair.table, pair.base, pair.next); });
    measured.measure("decode X into a list", [&] {
        changes.clear();
        require(static_cast<bool>(decode_compact(pair.table, file, 1, 0, pair.base, changes)),
                "what was encoded is decoded");
    });
    Digest change;
    for (const CompactMode mode : {CompactMode::classes, CompactMode::flat}) {
        const std::string name = mode == CompactMode::flat ? "patch F" : "patch X";
        const Bytes sent = encode(pair, mode);
        for (Digest* digest : {static_cast<Digest*>(nullptr), &change}) {
            measured.measure(name + (digest == nullptr ? "" : ", digest kept"), [&] {
                change = {};
                require(static_cast<bool>(patch_compact(pair.table, sent, 1, 0, words, 1, digest)),
                        "what was encoded is decoded");
            });
            check_same(pair, words, name.c_str());
        }
    }
    const Digest kept_change = change;
    measured.measure("digest of the list", [&] { change = digest_of(pair.table, changes); });
    measured.measure("commit of the list", [&] { patch(pair.table, changes, words); });
    check_same(pair, words, "commit");
    TwoCopies copies(pair);
    measured.measure(
        "commit, two copies", [&] { copies.commit(); }, [&] { copies.prepare(); });
    Digest whole;
    measured.measure("digest of all words",
                     [&] { whole = sum(digest_tiles(pair.table, pair.next)); });
    Digest kept = sum(digest_tiles(pair.table, pair.base));
    kept += change;
    if (kept != whole || change != kept_change) {
        throw std::runtime_error("the digest that is kept differs from a new one");
    }
    std::string hash;
    measured.measure("SHA-256 of the file", [&] { hash = sha256_hex(file); });
    return measured.take();
}

namespace {

// All tiles in one mode with one set of kernels.
class KernelTrial {
public:
    KernelTrial(const VersionPair& pair, CompactMode mode, const CompactKernels& kernels)
        : pair_(pair), encoder_(mode, kernels), decoder_(kernels) {
        if (mode != CompactMode::flat) {
            const ClassTable table = choose_classes(pair.table, pair.base, pair.next);
            const auto found = table.find(DType::kBF16);
            if (found != table.end()) classes_ = found->second;
        }
    }

    void encode() {
        encoded_.clear();
        ends_.clear();
        for (std::size_t index = 0; index < pair_.table.tiles(); ++index) {
            const Tile tile = pair_.table.tile(index);
            encoder_.encode(words_of(tile, pair_.base), words_of(tile, pair_.next), tile.word_bytes,
                            classes_, encoded_);
            ends_.push_back(encoded_.size());
        }
    }
    void patch(std::span<std::byte> words) {
        std::size_t begin = 0;
        for (std::size_t index = 0; index < pair_.table.tiles(); ++index) {
            const Tile tile = pair_.table.tile(index);
            const auto bytes = std::span(encoded_).subspan(begin, ends_[index] - begin);
            const auto part = words.subspan(tile.offset_bytes, tile.words * tile.word_bytes);
            require(static_cast<bool>(decoder_.patch(bytes, part, tile.word_bytes, classes_)),
                    "what was encoded is decoded");
            begin = ends_[index];
        }
    }
    std::uint64_t bytes() const { return encoded_.size(); }

private:
    static std::span<const std::byte> words_of(const Tile& tile, const Bytes& buffer) {
        return std::span(buffer).subspan(tile.offset_bytes, tile.words * tile.word_bytes);
    }

    const VersionPair& pair_;
    TileEncoder encoder_;
    TileDecoder decoder_;
    ExponentClasses classes_;
    Bytes encoded_;
    std::vector<std::size_t> ends_;  // (tiles,) of each in encoded_
};

}  // namespace

std::vector<KernelRow> measure_kernels(const VersionPair& pair, std::size_t rounds, Bytes& words) {
    std::vector<KernelRow> rows;
    words.resize(pair.base.size());
    for (const CompactKernels* kernels : runnable_compact_kernels()) {
        for (const CompactMode mode : {CompactMode::classes, CompactMode::flat}) {
            KernelTrial trial(pair, mode, *kernels);
            std::vector<Timing> copies, encodes, patches;
            for (std::size_t round = 0; round < rounds; ++round) {
                encodes.push_back(time_of(1, [&] { trial.encode(); }));
                copies.push_back(time_of(1, [&] { copy_words(pair.base, words, 1); }));
                patches.push_back(time_of(1, [&] { trial.patch(words); }));
                check_same(pair, words, kernels->name);
            }
            rows.push_back({kernels->name, mode == CompactMode::classes ? "compact X" : "compact F",
                            trial.bytes(), median(encodes), median(patches), median(copies)});
        }
    }
    return rows;
}

}  // namespace dws
