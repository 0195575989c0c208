// What must hold whatever bytes SafetensorsView::parse() is given. A broken promise ends the
// program: the fuzzer keeps the input, the replay of the corpus fails.
#pragma once

#include <algorithm>

#include "base/require.h"
#include "base/safetensors.h"

namespace dws {

inline bool are_same_file(const SafetensorsView& left, const SafetensorsView& right) {
    return left.metadata() == right.metadata() &&
           std::ranges::equal(left.tensors(), right.tensors(),
                              [](const TensorView& a, const TensorView& b) {
                                  return a.spec == b.spec && std::ranges::equal(a.data, b.data);
                              });
}

// The arrays fill the end of the file, one after another, each as long as its shape says.
inline void check_arrays(const SafetensorsView& view, std::span<const std::byte> file) {
    const std::byte* end = file.data() + file.size();
    for (std::size_t index = view.tensors().size(); index-- > 0;) {
        const TensorView& tensor = view.tensors()[index];
        require(tensor.data.size() == tensor.spec.elements() * width_bytes(tensor.spec.dtype),
                "an array has the bytes of its shape");
        require(tensor.data.data() + tensor.data.size() == end, "arrays leave no hole");
        require(view.find(tensor.spec.name) == &tensor, "a name is one array's");
        end = tensor.data.data();
    }
    require(end >= file.data() + 8, "arrays lie behind the header");
}

// True when the bytes are a safetensors file.
inline bool fuzz_safetensors(std::span<const std::byte> file) {
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    if (!view) {
        require(view.error().fault == Fault::corrupt, "foreign bytes are at worst corrupt");
        return false;
    }
    check_arrays(*view, file);
    const Bytes written = write_safetensors(view->tensors(), view->metadata());
    const Result<SafetensorsView> again = SafetensorsView::parse(written);
    require(bool(again), "what was read can be written");
    require(are_same_file(*view, *again), "a file that is read and written says the same");
    return true;
}

}  // namespace dws
