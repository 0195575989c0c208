#include "sync/upkeep/anchor_proof.h"

#include <fmt/format.h>

#include <utility>

#include "base/safetensors.h"
#include "sync/array_table.h"
#include "sync/codec/interchange.h"

namespace dws {
namespace {

// What a file's arrays, which no other file divides, add to the version's digest.
Result<Digest> digest_of_file(std::span<const std::byte> file) {
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) return view.error();
    std::vector<TensorSpec> specs;
    for (const TensorView& array : view->tensors()) specs.push_back(array.spec);
    const Result<ArrayTable> table = ArrayTable::make(TensorLayout(std::move(specs)));
    if (!table) return table.error();
    Bytes words(table->layout().size_bytes());
    std::vector<bool> has_array(table->layout().specs().size(), false);
    const Result<Done> decoded = decode_anchor(*table, file, words, has_array);
    if (!decoded) return decoded.error();
    return sum(digest_tiles(*table, words));
}

}  // namespace

Result<Done> prove_anchor(const std::vector<ObjectRef>& objects, const Digest& digest,
                          const ObjectSource& source) {
    Digest found;
    for (const ObjectRef& object : objects) {
        const Result<Bytes> file = source(object);
        if (!file) return file.error();
        if (!holds_words(object)) continue;
        const Result<Digest> part = digest_of_file(*file);
        if (!part) return Error{part.error().fault, object.key + ": " + part.error().detail};
        found += *part;
    }
    if (found == digest) return Done{};
    return Error{Fault::corrupt, fmt::format("its files have digest {}, the log says {}",
                                             found.hex(), digest.hex())};
}

}  // namespace dws
