#include "experiments/fault_proxy/put_times.h"

namespace dws {
namespace {

// A run of an hour writes some ten thousand objects. Above this, what is new counts as old.
constexpr std::size_t kKeys = 1'000'000;

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
    const std::size_t begin = text.find(open);
    if (begin == std::string_view::npos) return {};
    const std::size_t end = text.find(close, begin);
    if (end == std::string_view::npos) return {};
    return text.substr(begin + open.size(), end - begin - open.size());
}

// Without each <tag>...</tag> whose <name> is newer.
std::string cut_newer(std::string_view text, const std::string& tag, const std::string& name,
                      const PutTimes& times, double than_s) {
    const std::string open = "<" + tag + ">", close = "</" + tag + ">";
    std::string kept;
    while (true) {
        const std::size_t begin = text.find(open);
        const std::size_t end = text.find(close, begin);
        if (begin == std::string_view::npos || end == std::string_view::npos) break;
        const std::size_t after = end + close.size();
        const std::string_view entry = text.substr(begin, after - begin);
        kept += text.substr(0, begin);
        if (!times.is_newer(between(entry, "<" + name + ">", "</" + name + ">"), than_s))
            kept += entry;
        text.remove_prefix(after);
    }
    return kept += text;
}

}  // namespace

void PutTimes::note(std::string_view key, double now_s) {
    const std::lock_guard lock(mutex_);
    if (first_put_s_.size() >= kKeys) return;
    for (std::size_t slash = key.find('/'); slash != std::string_view::npos;
         slash = key.find('/', slash + 1))
        first_put_s_.try_emplace(std::string(key.substr(0, slash + 1)), now_s);
    first_put_s_.try_emplace(std::string(key), now_s);
}

bool PutTimes::is_newer(std::string_view key_or_folder, double than_s) const {
    const std::lock_guard lock(mutex_);
    const auto at = first_put_s_.find(key_or_folder);
    return at != first_put_s_.end() && at->second > than_s;
}

std::string without_newer(std::string_view listing, const PutTimes& times, double than_s) {
    const std::string keys = cut_newer(listing, "Contents", "Key", times, than_s);
    return cut_newer(keys, "CommonPrefixes", "Prefix", times, than_s);
}

}  // namespace dws
