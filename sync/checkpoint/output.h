// A checkpoint being written: under another name beside its own, "<name>.partial-<random>", and
// given its own when it is whole and flushed. So nobody ever meets half of one under its name, also
// after a crash. What is not finished is removed; a process that is killed leaves the partial one.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"
#include "sync/checkpoint/checkpoint.h"

namespace dws {

class CheckpointOutput {
public:
    enum class Form {
        folder,
        file,  // exactly one shard is written; it becomes `out` itself
    };

    // out: a name that is free, or an empty folder's. Fault::corrupt when it is neither.
    static Result<CheckpointOutput> begin(const std::filesystem::path& out, Form form);
    ~CheckpointOutput();
    CheckpointOutput(CheckpointOutput&& other) noexcept;
    CheckpointOutput& operator=(CheckpointOutput&&) = delete;

    // The shard's header, then its arrays from the table's flat buffer, which holds all of them.
    Result<Done> write_shard(const CheckpointShard& shard, const ArrayTable& table,
                             std::span<const std::byte> words, const PieceDone& piece_done);
    // path: a safe one; folders on the way to it are made.
    Result<Done> write_file(const std::string& path, std::span<const std::byte> bytes);
    // Gives it its name. Nothing is written after.
    Result<Done> finish();

private:
    CheckpointOutput(std::filesystem::path out, std::filesystem::path partial, Form form);

    std::filesystem::path out_;
    std::filesystem::path partial_;  // a folder, also for a file; empty: nothing to remove
    Form form_;
    std::filesystem::path last_;  // the file written last
};

// A file of these bytes, by the same way. Fault::corrupt when the name is taken.
Result<Done> write_new_file(const std::filesystem::path& out, std::span<const std::byte> bytes);

}  // namespace dws
