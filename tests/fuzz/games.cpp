#include "tests/fuzz/games.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    dws::fuzz_games(std::as_bytes(std::span(data, size)));
    return 0;
}
