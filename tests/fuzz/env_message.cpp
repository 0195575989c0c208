#include "tests/fuzz/env_message.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    dws::fuzz_env_message(std::as_bytes(std::span(data, size)));
    return 0;
}
