// When keys were first put, as seen by a proxy: what a listing from a few seconds ago would not
// have named yet.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dws {

// Safe to call from several threads.
class PutTimes {
public:
    void note(std::string_view key, double now_s);
    // A key, or a folder with its '/', that held nothing at that time. What was put before this
    // proxy ran is old.
    bool is_newer(std::string_view key_or_folder, double than_s) const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, double, std::less<>> first_put_s_;  // guarded by mutex_; and folders'
};

// listing: the XML of ListObjectsV2. Its entries and folders newer than that are cut out.
std::string without_newer(std::string_view listing, const PutTimes& times, double than_s);

}  // namespace dws
