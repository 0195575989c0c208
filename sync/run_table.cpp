#include "sync/run_table.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/safetensors.h"
#include "sync/codec/interchange.h"

namespace dws {
namespace {

// Adds a file's arrays under their places in the table: those the file names, else as they come.
Result<Done> add_arrays(const SafetensorsView& file, std::map<std::size_t, TensorSpec>& arrays) {
    const auto order = file.metadata().find(std::string(kArrayOrder));
    std::istringstream places(order == file.metadata().end() ? "" : order->second);
    for (const TensorView& array : file.tensors()) {
        std::size_t place = arrays.size();
        if (order != file.metadata().end() && !(places >> place))
            return Error{Fault::corrupt,
                         fmt::format("{} has no place for array {}", kArrayOrder, array.spec.name)};
        if (!arrays.emplace(place, array.spec).second)
            return Error{Fault::corrupt, fmt::format("two arrays at place {}", place)};
    }
    return Done{};
}

Result<Done> read_arrays(const ObjectRef& object, const ObjectSource& source,
                         std::map<std::size_t, TensorSpec>& arrays) {
    const Result<Bytes> file = source(object);
    if (!file) return file.error();
    const Result<SafetensorsView> view = SafetensorsView::parse(*file);
    if (!view) return Error{view.error().fault, object.key + ": " + view.error().detail};
    const Result<Done> added = add_arrays(*view, arrays);
    if (!added) return Error{added.error().fault, object.key + ": " + added.error().detail};
    return Done{};
}

}  // namespace

Result<ArrayTable> read_table(const Record& anchor, const ObjectSource& source) {
    if (anchor.kind != RecordKind::anchor)
        return Error{Fault::corrupt, "the first version is not an anchor"};
    std::map<std::size_t, TensorSpec> arrays;
    for (const ObjectRef& object : anchor.objects) {
        if (!holds_words(object)) continue;
        // There is no table to ask yet: words have up to 4 bytes.
        if (anchor.total_words > kMaxObjectBytes ||
            object.size_bytes > largest_file_bytes(anchor.total_words, 4 * anchor.total_words))
            return Error{Fault::corrupt, object.key + ": larger than the anchor's words can need"};
        const Result<Done> read = read_arrays(object, source, arrays);
        if (!read) return read.error();
    }
    std::vector<TensorSpec> specs;
    std::set<std::string> names;
    for (auto& [place, spec] : arrays) {
        if (!names.insert(spec.name).second)
            return Error{Fault::corrupt, "array " + spec.name + " is there twice"};
        specs.push_back(std::move(spec));
    }
    Result<ArrayTable> table = ArrayTable::make(TensorLayout(std::move(specs)));
    if (table && table->layout_hash() != anchor.layout_hash)
        return Error{Fault::corrupt, "its arrays are not those of its layout hash"};
    return table;
}

}  // namespace dws
