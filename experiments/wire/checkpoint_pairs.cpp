#include "experiments/wire/checkpoint_pairs.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <stdexcept>
#include <vector>

#include "base/safetensors.h"
#include "sync/bucket/file_descriptor.h"

namespace dws {

namespace {

// A file's bytes, read as they are asked for.
class MappedFile {
public:
    explicit MappedFile(const std::filesystem::path& path)
        : size_(std::filesystem::file_size(path)) {
        const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (file.is_open()) at_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number(), 0);
        if (at_ == MAP_FAILED) throw std::runtime_error(path.string() + ": " + strerror(errno));
    }
    ~MappedFile() { munmap(at_, size_); }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {static_cast<std::byte*>(at_), size_}; }

private:
    const std::size_t size_;
    void* at_ = MAP_FAILED;
};

// All arrays of a checkpoint by name. Points into the files.
class Checkpoint {
public:
    explicit Checkpoint(const std::filesystem::path& path) {
        if (!std::filesystem::is_directory(path)) {
            add(path);
            return;
        }
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
        if (files.empty()) throw std::runtime_error(path.string() + ": no .safetensors in it");
        for (const std::filesystem::path& file : files) add(file);
    }

    const std::map<std::string, TensorView>& arrays() const { return arrays_; }

private:
    void add(const std::filesystem::path& path) {
        const Result<SafetensorsView> view =
            SafetensorsView::parse(files_.emplace_back(path).bytes());
        if (!view) throw std::runtime_error(path.string() + ": " + final_line(view.error()));
        for (const TensorView& array : view->tensors()) arrays_.emplace(array.spec.name, array);
    }

    std::deque<MappedFile> files_;  // MappedFile stays where it is
    std::map<std::string, TensorView> arrays_;
};

struct ArrayPair {
    const TensorView* base;
    const TensorView* next;
};

// Arrays brought together until a part is as large as asked for.
void visit_part(const std::vector<ArrayPair>& arrays, std::size_t part, const PairVisit& visit) {
    std::vector<TensorSpec> specs;
    for (const ArrayPair& array : arrays) specs.push_back(array.base->spec);
    const Result<ArrayTable> table = ArrayTable::make(TensorLayout(std::move(specs)));
    if (!table) throw std::runtime_error(final_line(table.error()));
    Bytes base(padded_bytes(*table));
    Bytes next(padded_bytes(*table));
    for (std::size_t index = 0; index < arrays.size(); ++index) {
        const std::size_t offset = table->layout().offset_bytes(index);
        std::ranges::copy(arrays[index].base->data, base.data() + offset);
        std::ranges::copy(arrays[index].next->data, next.data() + offset);
    }
    visit(VersionPair("part " + std::to_string(part), *table, std::move(base), std::move(next)));
}

}  // namespace

CheckpointCount for_each_checkpoint_pair(const std::filesystem::path& base_path,
                                         const std::filesystem::path& next_path,
                                         std::size_t part_bytes, const PairVisit& visit) {
    const Checkpoint base(base_path);
    const Checkpoint next(next_path);
    CheckpointCount count;
    std::vector<ArrayPair> arrays;
    std::size_t bytes = 0;
    std::size_t parts = 0;
    const auto finish_part = [&] {
        if (bytes > 0) visit_part(arrays, ++parts, visit);
        arrays.clear();
        bytes = 0;
    };
    for (const auto& [name, array] : base.arrays()) {
        const auto other = next.arrays().find(name);
        if (other == next.arrays().end() || other->second.spec != array.spec) {
            ++count.arrays_apart;
        } else if (width_bytes(array.spec.dtype) != 2) {
            ++count.other_arrays;
        } else {
            arrays.push_back({&array, &other->second});
            bytes += array.data.size();
            count.words += array.data.size() / 2;
            if (bytes >= part_bytes) finish_part();
        }
    }
    for (const auto& [name, array] : next.arrays()) {
        count.arrays_apart += !base.arrays().contains(name);
    }
    finish_part();
    return count;
}

}  // namespace dws
