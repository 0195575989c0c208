// Writes compact_delta.safetensors again from compact_words.safetensors (base.<name> and
// next.<name>), in the mode smallest, from version 41 to 43. The golden bytes must not change: this
// shows how they came about. From the root, after a build:
//
//     g++ -std=c++20 -O2 -I. tests/golden/make_compact_delta.cpp build/libweight_sync.a
//         build/libbase.a -lfmt -lcrypto -lpthread -o /tmp/make_delta
//     cd tests/golden && /tmp/make_delta compact_words.safetensors |
//         cmp - compact_delta.safetensors
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/safetensors.h"
#include "sync/codec/compact.h"

int main(int arguments, char** argument) {
    if (arguments != 2) return 1;
    std::ifstream stream(argument[1], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto file = dws::SafetensorsView::parse(dws::bytes_of(text));
    if (!file) return 1;
    std::vector<dws::TensorSpec> specs;
    for (const dws::TensorView& tensor : file->tensors()) {
        if (!tensor.spec.name.starts_with("base.")) continue;
        specs.push_back(tensor.spec);
        specs.back().name = tensor.spec.name.substr(5);
    }
    const auto table = dws::ArrayTable::make(dws::TensorLayout(specs));
    if (!table) return 1;
    dws::Bytes base(table->layout().size_bytes());
    dws::Bytes next(base.size());
    for (std::size_t array = 0; array < specs.size(); ++array) {
        const auto offset = static_cast<std::ptrdiff_t>(table->layout().offset_bytes(array));
        const dws::TensorView* from = file->find("base." + specs[array].name);
        const dws::TensorView* to = file->find("next." + specs[array].name);
        if (from == nullptr || to == nullptr || to->data.size() != from->data.size()) return 1;
        std::copy(from->data.begin(), from->data.end(), base.begin() + offset);
        std::copy(to->data.begin(), to->data.end(), next.begin() + offset);
    }
    const bool written = dws::encode_compact(*table, base, next, 43, 41, {}, [](dws::Bytes delta) {
        std::cout << dws::text_of(delta);
        return true;
    });
    return written && std::cout.flush() ? 0 : 1;
}
