#include "sync/checkpoint/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sync/bucket/bucket.h"
#include "sync/checkpoint/path.h"

namespace dws {
namespace {

constexpr std::string_view kFormat = "dws_files";
constexpr std::string_view kFormatVersion = "1";
constexpr std::string_view kFilePrefix = "file/";  // keeps paths apart from the other metadata
constexpr std::string_view kManifestStem = "objects/files-";
constexpr std::string_view kObjectStem = "objects/file-";

Error corrupt(std::string what) { return Error{Fault::corrupt, "manifest: " + std::move(what)}; }

bool has_value(const Metadata& metadata, const char* name, std::string_view value) {
    const auto found = metadata.find(name);
    return found != metadata.end() && found->second == value;
}

Result<CheckpointShard> shard_of(const TensorView& tensor) {
    const std::string& path = tensor.spec.name;
    if (!is_safe_path(path)) return corrupt("a header for an unsafe path");
    if (tensor.spec.dtype != DType::kU8) return corrupt(path + ": its header is not bytes");
    Result<SafetensorsHeader> parsed = SafetensorsHeader::parse(tensor.data, std::nullopt);
    if (!parsed) return corrupt(fmt::format("{}: {}", path, parsed.error().detail));
    if (parsed->data_offset_bytes != tensor.data.size())
        return corrupt(path + ": bytes after its header");
    return CheckpointShard{path, Bytes(tensor.data.begin(), tensor.data.end()), std::move(*parsed)};
}

}  // namespace

Bytes encode_manifest(const CheckpointManifest& manifest) {
    Metadata metadata{{"format", std::string(kFormat)},
                      {"format_version", std::string(kFormatVersion)}};
    for (const auto& [path, key] : manifest.files)
        metadata.emplace(std::string(kFilePrefix) + path, key);
    std::vector<TensorView> headers;
    for (const CheckpointShard& shard : manifest.shards)
        headers.push_back(
            {{shard.path, DType::kU8, {static_cast<std::int64_t>(shard.header.size())}},
             shard.header});
    return write_safetensors(headers, metadata);
}

Result<CheckpointManifest> decode_manifest(std::span<const std::byte> object) {
    const Result<SafetensorsView> view = SafetensorsView::parse(object);
    if (!view) return corrupt(view.error().detail);
    const Metadata& metadata = view->metadata();
    if (!has_value(metadata, "format", kFormat) ||
        !has_value(metadata, "format_version", kFormatVersion))
        return corrupt("of another format");
    if (view->tensors().size() > kMaxShards || metadata.size() > kMaxOtherFiles + 2)
        return corrupt("more files than any checkpoint has");
    CheckpointManifest manifest;
    std::set<std::string> paths;
    for (const TensorView& tensor : view->tensors()) {
        Result<CheckpointShard> shard = shard_of(tensor);
        if (!shard) return shard.error();
        paths.insert(shard->path);
        manifest.shards.push_back(std::move(*shard));
    }
    for (const auto& [name, key] : metadata) {
        if (!name.starts_with(kFilePrefix)) continue;
        const std::string path = name.substr(kFilePrefix.size());
        if (!is_safe_path(path)) return corrupt("an unsafe path");
        if (!paths.insert(path).second) return corrupt(path + " is there twice");
        if (!is_valid_key(key) || !key.starts_with(kObjectStem))
            return corrupt(path + ": its key is not an accompanying file's");
        manifest.files.emplace(path, key);
    }
    return manifest;
}

std::string manifest_key(std::int64_t version, const std::string& sha256) {
    return fmt::format("{}{:06d}-{}.safetensors", kManifestStem, version, sha256.substr(0, 16));
}

std::string accompanying_key(const std::string& sha256) {
    return fmt::format("{}{}", kObjectStem, sha256.substr(0, 16));
}

const ObjectRef* manifest_of(const Record& record) {
    const auto found =
        std::find_if(record.objects.begin(), record.objects.end(),
                     [](const ObjectRef& object) { return object.key.starts_with(kManifestStem); });
    return found == record.objects.end() ? nullptr : &*found;
}

}  // namespace dws
