#include "trainer_bridge/checkpoint_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>

namespace dws {
namespace {

constexpr std::string_view kStem = "checkpoint-";
constexpr std::string_view kEnding = ".safetensors";
constexpr std::string_view kUnfinished = ".safetensors.tmp";
constexpr std::size_t kDigestDigits = 16;  // enough to tell two runs or lines of one run apart

std::string name_of(const CheckpointLabel& label) {
    return fmt::format("{}{:020}-{}{}", kStem, label.sequence,
                       label.digest.hex().substr(0, kDigestDigits), kEnding);
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                            std::string_view ending) {
    std::vector<std::filesystem::path> files;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(folder, absent)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kStem) && name.ends_with(ending)) files.push_back(entry.path());
    }
    return files;
}

}  // namespace

CheckpointFolder::Listing CheckpointFolder::list() const {
    Listing listing;
    for (const std::filesystem::path& file : files_in(folder_, kEnding)) {
        Result<CheckpointLabel> label = read_checkpoint_label(file);
        if (label) {
            listing.found.push_back({file, std::move(*label)});
        } else {
            listing.unreadable.push_back(label.error());
        }
    }
    std::ranges::sort(listing.found, std::ranges::greater(),
                      [](const FoundCheckpoint& found) { return found.label.sequence; });
    return listing;
}

Result<CheckpointFolder::Written> CheckpointFolder::write(const CheckpointLabel& label,
                                                          const TrainingState& state) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error) {
        return Error{Fault::transport, fmt::format("cannot make checkpoint folder {}: {}",
                                                   folder_.string(), error.message())};
    }
    const std::filesystem::path file = folder_ / name_of(label);
    const Result<std::uint64_t> size_bytes = write_checkpoint(file, label, state);
    if (!size_bytes) return size_bytes.error();
    count_in(file);
    remove_oldest();
    remove_unfinished();
    return Written{file, *size_bytes};
}

void CheckpointFolder::count_in(const std::filesystem::path& file) {
    std::erase(counted_, file);
    counted_.push_back(file);
}

void CheckpointFolder::remove_oldest() {
    while (counted_.size() > static_cast<std::size_t>(kept_)) {
        std::error_code gone;
        std::filesystem::remove(counted_.front(), gone);
        counted_.pop_front();
    }
}

// What a process that was killed while it wrote has left.
void CheckpointFolder::remove_unfinished() const {
    for (const std::filesystem::path& file : files_in(folder_, kUnfinished)) {
        std::error_code gone;
        std::filesystem::remove(file, gone);
    }
}

}  // namespace dws
