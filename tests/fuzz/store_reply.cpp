#include "tests/fuzz/store_reply.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    dws::fuzz_store_reply(std::as_bytes(std::span(data, size)));
    return 0;
}
