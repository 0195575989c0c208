#include "sync/log_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sync/record.h"

namespace dws {

Result<std::uint64_t> listed_log_end(Bucket& bucket, const std::string& run) {
    const std::string folder = run + "/log/";
    const Result<std::vector<std::string>> keys = bucket.list(folder, Listing::objects);
    if (!keys) return keys.error();
    std::uint64_t end = 0;
    for (const std::string& key : *keys) {
        std::uint64_t sequence = 0;
        std::from_chars(key.data() + folder.size(), key.data() + key.size(), sequence);
        if (key == log_key(run, sequence)) end = std::max(end, sequence + 1);
    }
    return end;
}

Result<Done> check_log_end(std::uint64_t listed, std::uint64_t read) {
    if (listed <= read) return Done{};
    return Error{Fault::corrupt, fmt::format("record {} is gone from the log: record {} is there",
                                             read, listed - 1)};
}

}  // namespace dws
