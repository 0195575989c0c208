#include "sync/checkpoint/delta.h"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <utility>

#include "base/require.h"
#include "base/safetensors.h"
#include "sync/changes.h"
#include "sync/codec/compact.h"
#include "sync/codec/compact_file.h"

namespace dws {
namespace {

constexpr std::int64_t kBaseVersion = 0;
constexpr std::int64_t kVersion = 1;

Error corrupt(std::string what) { return Error{Fault::corrupt, "delta: " + std::move(what)}; }

// The same file with more metadata.
Bytes with_metadata(std::span<const std::byte> file, const Metadata& more) {
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    require(static_cast<bool>(view), "what an encoder wrote can be read");
    Metadata metadata = view->metadata();
    for (const auto& [name, text] : more) metadata[name] = text;
    return write_safetensors(view->tensors(), metadata);
}

const std::string* text_in(const Metadata& metadata, const char* name) {
    const auto found = metadata.find(name);
    return found == metadata.end() ? nullptr : &found->second;
}

template <class Number>
Result<Number> number_in(const Metadata& metadata, const char* name) {
    const std::string* text = text_in(metadata, name);
    if (text == nullptr) return corrupt(fmt::format("metadata has no {}", name));
    Number number{};
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size() || number < 0)
        return corrupt(fmt::format("metadata {} is no number", name));
    return number;
}

// Absent is no fault; anything but 32 digits is.
Result<std::optional<Digest>> digest_in(const Metadata& metadata, const char* name) {
    const std::string* text = text_in(metadata, name);
    if (text == nullptr) return std::optional<Digest>();
    const std::optional<Digest> digest = Digest::from_hex(*text);
    if (!digest) return corrupt(fmt::format("metadata {} is no digest", name));
    return digest;
}

Result<Done> patch_words(const ArrayTable& table, const DeltaFacts& facts,
                         std::span<const std::byte> file, std::span<std::byte> words,
                         std::size_t threads) {
    if (!facts.is_compact) {
        Changes changes;
        const Result<Done> decoded = decode_delta(table, file, facts.version, changes);
        if (decoded) patch(table, changes, words);
        return decoded;
    }
    const Result<CompactView> view =
        read_compact_file(table, {facts.version, facts.base_version}, file);
    if (!view) return view.error();
    if (view->size() != table.tiles())
        return corrupt(fmt::format("it covers {} of {} tiles: one of several files of its version",
                                   view->size(), table.tiles()));
    return patch_compact(table, file, facts.version, facts.base_version, words, threads);
}

}  // namespace

bool encode_from_buffers(const ArrayTable& table, std::span<const std::byte> base,
                         std::span<const std::byte> next, std::int64_t version,
                         std::int64_t base_version, Encoding encoding, std::size_t file_bytes,
                         std::size_t threads, const FileSink& sink) {
    if (!is_compact(encoding))
        return encode_delta(table, diff(table, base, next), version, encoding, file_bytes, sink);
    const CompactOptions options{
        .mode = compact_mode(encoding), .file_bytes = file_bytes, .threads = threads};
    return encode_compact(table, base, next, version, base_version, options, sink);
}

Result<CheckpointDelta> make_checkpoint_delta(const ArrayTable& table,
                                              std::span<const std::byte> base,
                                              std::span<const std::byte> next, Encoding encoding,
                                              std::size_t threads, const PieceDone& piece_done) {
    const Result<Digest> base_digest = digest_words(table, base, threads, piece_done);
    if (!base_digest) return base_digest.error();
    const Result<Digest> digest = digest_words(table, next, threads, piece_done);
    if (!digest) return digest.error();
    CheckpointDelta delta{{}, 0, *base_digest, *digest};
    encode_from_buffers(table, base, next, kVersion, kBaseVersion, encoding, SIZE_MAX, threads,
                        [&](Bytes file) {
                            require(delta.file.empty(), "a delta without a limit is one file");
                            delta.file = std::move(file);
                            return true;
                        });
    const Result<DeltaFacts> facts = read_delta_facts(delta.file);
    require(static_cast<bool>(facts), "what an encoder wrote can be read");
    delta.changed_words = facts->changed_words;
    delta.file = with_metadata(
        delta.file, {{"base_digest", delta.base_digest.hex()}, {"digest", delta.digest.hex()}});
    return delta;
}

Result<DeltaFacts> read_delta_facts(std::span<const std::byte> file) {
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) return view.error();
    const Metadata& metadata = view->metadata();
    const std::string* format = text_in(metadata, "format");
    const std::string* sparse = text_in(metadata, "sparse");
    DeltaFacts facts;
    facts.is_compact = format != nullptr && *format == "dws_compact";
    const bool is_interchange = format != nullptr && *format == "sparse_weight_patch" &&
                                sparse != nullptr && *sparse == "True";
    if (!facts.is_compact && !is_interchange) return corrupt("its metadata is not a delta's");
    const Result<std::int64_t> version = number_in<std::int64_t>(metadata, "model_version");
    if (!version) return version.error();
    facts.version = *version;
    if (facts.is_compact) {
        const Result<std::int64_t> base = number_in<std::int64_t>(metadata, "base_version");
        if (!base) return base.error();
        facts.base_version = *base;
    }
    const Result<std::uint64_t> changed = number_in<std::uint64_t>(
        metadata, facts.is_compact ? "changed_words" : "total_changed_elements");
    if (!changed) return changed.error();
    facts.changed_words = *changed;
    const auto base_digest = digest_in(metadata, "base_digest");
    if (!base_digest) return base_digest.error();
    facts.base_digest = *base_digest;
    const auto digest = digest_in(metadata, "digest");
    if (!digest) return digest.error();
    facts.digest = *digest;
    return facts;
}

Result<DeltaFacts> patch_checkpoint(const ArrayTable& table, std::span<const std::byte> file,
                                    std::span<std::byte> words, std::size_t threads,
                                    const PieceDone& piece_done) {
    const Result<DeltaFacts> facts = read_delta_facts(file);
    if (!facts) return facts;
    if (facts->base_digest) {
        const Result<Digest> base = digest_words(table, words, threads, piece_done);
        if (!base) return base.error();
        if (*base != *facts->base_digest)
            return Error{Fault::wrong_base,
                         fmt::format("the delta starts from digest {}, the base has {}",
                                     facts->base_digest->hex(), base->hex())};
    }
    const Result<Done> patched = patch_words(table, *facts, file, words, threads);
    if (!patched) return patched.error();
    if (!facts->digest) return facts;
    const Result<Digest> digest = digest_words(table, words, threads, piece_done);
    if (!digest) return digest.error();
    if (*digest != *facts->digest)
        return Error{Fault::corrupt, fmt::format("the delta leads to digest {}, what came has {}",
                                                 facts->digest->hex(), digest->hex())};
    return facts;
}

}  // namespace dws
