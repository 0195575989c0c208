#include "trainer_bridge/checkpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "base/safetensors.h"
#include "sync/bucket/file_descriptor.h"
#include "sync/bucket/new_file.h"
#include "sync/sha256.h"

namespace dws {
namespace {

constexpr std::size_t kPieceBytes = 4u << 20;  // hashed and written while it is in cache
constexpr std::size_t kSha256Digits = 64;
constexpr const char* kFormat = "dws_checkpoint";
constexpr const char* kFormatVersion = "1";
constexpr std::string_view kSetting = "setting ";  // before a setting's name in the metadata

const TensorSpec kHashSpec{"sha256", DType::kU8, {static_cast<std::int64_t>(kSha256Digits)}};

Error corrupt(const std::filesystem::path& path, const std::string& why) {
    return {Fault::corrupt, fmt::format("checkpoint {}: {}", path.string(), why)};
}

Error disk_fault(const std::filesystem::path& path, const char* verb, int error) {
    return {Fault::transport, fmt::format("cannot {} checkpoint {}: {}", verb, path.string(),
                                          std::generic_category().message(error))};
}

std::vector<TensorSpec> specs_of(const TrainingState& state) {
    std::vector<TensorSpec> specs;
    for (const TrainingArray& array : state.arrays) specs.push_back(array.spec);
    specs.push_back(kHashSpec);
    return specs;
}

Metadata metadata_of(const CheckpointLabel& label) {
    Metadata metadata{{"format", kFormat},
                      {"format_version", kFormatVersion},
                      {"run", label.run},
                      {"sequence", std::to_string(label.sequence)},
                      {"trainer_step", std::to_string(label.trainer_step)},
                      {"optimizer_steps", std::to_string(label.optimizer_steps)},
                      {"digest", label.digest.hex()},
                      {"layout_hash", label.layout_hash}};
    for (const auto& [name, value] : label.settings) {
        metadata.emplace(std::string(kSetting) + name, value);
    }
    return metadata;
}

// Header, arrays, hash.
void write_content(NewFile& file, const CheckpointLabel& label, const TrainingState& state) {
    Sha256 hash;
    const auto write = [&](std::span<const std::byte> bytes) {
        for (std::size_t at = 0; at < bytes.size() && !file.has_failed(); at += kPieceBytes) {
            const auto piece = bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at));
            hash.add(piece);
            file.append(piece);
        }
    };
    write(write_safetensors_header(specs_of(state), metadata_of(label)));
    for (const TrainingArray& array : state.arrays) write(array.bytes);
    file.append(bytes_of(hash.hex()));
}

// A header and where its file ends.
struct Opened {
    SafetensorsHeader header;
    Bytes start;  // up to the first array
};

Result<Opened> open_header(const std::filesystem::path& path, int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) return disk_fault(path, "read", errno);
    Bytes start(8);
    Result<std::size_t> read = read_at(descriptor, 0, start);
    if (!read) return read.error();
    if (*read < start.size()) return corrupt(path, "it is cut short");
    const Result<std::uint64_t> header_bytes = header_bytes_of(start);
    if (!header_bytes) return corrupt(path, header_bytes.error().detail);
    const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
    if (*header_bytes > file_bytes) return corrupt(path, "it is cut short");
    start.resize(*header_bytes);
    read = read_at(descriptor, 0, start);
    if (!read) return read.error();
    Result<SafetensorsHeader> header =
        SafetensorsHeader::parse(std::span(start).first(*read), file_bytes);
    if (!header) return corrupt(path, header.error().detail);
    return Opened{std::move(*header), std::move(start)};
}

bool read_number(const Metadata& metadata, const char* name, std::int64_t& number) {
    const auto found = metadata.find(name);
    if (found == metadata.end()) return false;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

std::string text_in(const Metadata& metadata, const char* name) {
    const auto found = metadata.find(name);
    return found == metadata.end() ? "" : found->second;
}

std::optional<CheckpointLabel> label_in(const Metadata& metadata) {
    CheckpointLabel label;
    std::int64_t sequence = 0;
    const std::optional<Digest> digest = Digest::from_hex(text_in(metadata, "digest"));
    const bool is_whole = text_in(metadata, "format") == kFormat &&
                          text_in(metadata, "format_version") == kFormatVersion && digest &&
                          read_number(metadata, "sequence", sequence) &&
                          read_number(metadata, "trainer_step", label.trainer_step) &&
                          read_number(metadata, "optimizer_steps", label.optimizer_steps);
    if (!is_whole) return std::nullopt;
    label.run = text_in(metadata, "run");
    label.sequence = static_cast<std::uint64_t>(sequence);
    label.digest = *digest;
    label.layout_hash = text_in(metadata, "layout_hash");
    for (const auto& [name, value] : metadata) {
        if (name.starts_with(kSetting)) label.settings[name.substr(kSetting.size())] = value;
    }
    return label;
}

// The arrays and nothing else, in the state's order.
bool are_arrays_of(const SafetensorsHeader& header, const TrainingState& state) {
    const std::vector<TensorSpec> specs = specs_of(state);
    return std::ranges::equal(header.tensors, specs, {}, &TensorPlace::spec);
}

}  // namespace

Result<std::uint64_t> write_checkpoint(const std::filesystem::path& path,
                                       const CheckpointLabel& label, const TrainingState& state) {
    const std::filesystem::path unfinished = path.string() + ".tmp";
    ::unlink(unfinished.c_str());  // a writer that was killed left it
    NewFile file(unfinished);
    write_content(file, label, state);
    if (const int error = file.replace(path); error != 0) return disk_fault(path, "write", error);
    return file.size_bytes();
}

Result<CheckpointLabel> read_checkpoint_label(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return disk_fault(path, "read", errno);
    const Result<Opened> opened = open_header(path, file.number());
    if (!opened) return opened.error();
    std::optional<CheckpointLabel> label = label_in(opened->header.metadata);
    if (!label) return corrupt(path, "its header is not that of a checkpoint");
    return std::move(*label);
}

Result<Done> read_checkpoint(const std::filesystem::path& path, const TrainingState& state) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return disk_fault(path, "read", errno);
    const Result<Opened> opened = open_header(path, file.number());
    if (!opened) return opened.error();
    if (!are_arrays_of(opened->header, state)) return corrupt(path, "it holds other arrays");

    Sha256 hash;
    hash.add(opened->start);
    std::uint64_t offset = opened->start.size();
    for (const TrainingArray& array : state.arrays) {
        for (std::size_t at = 0; at < array.bytes.size(); at += kPieceBytes) {
            const std::span<std::byte> piece =
                array.bytes.subspan(at, std::min(kPieceBytes, array.bytes.size() - at));
            const Result<std::size_t> read = read_at(file.number(), offset, piece);
            if (!read) return read.error();
            if (*read < piece.size()) return corrupt(path, "it is cut short");
            hash.add(piece);
            offset += piece.size();
        }
    }
    Bytes stated(kSha256Digits);
    const Result<std::size_t> read = read_at(file.number(), offset, stated);
    if (!read) return read.error();
    if (text_of(std::span(stated).first(*read)) != hash.hex()) {
        return corrupt(path, "its bytes are not those that were written (SHA-256)");
    }
    return Done{};
}

}  // namespace dws
