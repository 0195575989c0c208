#include "experiments/qwen3_sync/copy_run.h"

#include <stdexcept>
#include <utility>

namespace dws {

namespace {

// Files of a version are cut at sync.file_mib, a thousandth of this.
constexpr std::uint64_t kLargestObject = 64ull << 30;

template <class T>
T value_of(Result<T> result, const std::string& what) {
    if (result) return std::move(*result);
    throw std::runtime_error(what + ": " + final_line(result.error()));
}

}  // namespace

// Objects before the log, so that a record never names one that is not there.
std::uint64_t copy_run(Bucket& from, Bucket& to, const std::string& run) {
    std::uint64_t bytes = 0;
    for (const char* folder : {"/objects/", "/log/"}) {
        const std::string prefix = run + folder;
        for (const std::string& key : value_of(from.list(prefix, Listing::objects), prefix)) {
            const ByteRange whole{.offset = 0, .length = kLargestObject};
            const Bytes object = value_of(from.get(key, whole), key);
            value_of(to.put(key, object), key);
            bytes += object.size();
        }
    }
    if (bytes == 0) throw std::runtime_error(run + ": no such run in this bucket");
    return bytes;
}

}  // namespace dws
