#include "tests/fuzz/tile.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    dws::fuzz_tile(std::as_bytes(std::span(data, size)));
    return 0;
}
