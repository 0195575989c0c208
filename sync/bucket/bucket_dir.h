// A bucket that is a folder, local or mounted. An object is a file; it appears whole or not at all:
// it is written under another name, flushed, and then linked or renamed to its own. Two processes
// may use one folder. What a power cut may lose is the newest objects, never their contents.
#pragma once

#include <filesystem>

#include "sync/bucket/bucket.h"

namespace dws {

class BucketDir : public Bucket {
public:
    // To write: makes the folder when absent, tries whether it can be written, and removes what
    // writers that died more than an hour ago left unfinished. To read: changes nothing, then or
    // later. Throws std::runtime_error naming the folder.
    explicit BucketDir(std::filesystem::path folder, BucketAccess access = BucketAccess::write);

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override;
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override;
    Result<Bytes> get(std::string_view key, ByteRange range) override;
    // Listing::folders may name a folder whose last object has been removed.
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override;
    Result<Done> remove(std::string_view key) override;

private:
    void prepare_to_write() const;
    void check_readable() const;
    std::filesystem::path path_of(std::string_view key) const;
    std::filesystem::path unfinished_path() const;  // of one more object
    Error failure(std::string_view verb, std::string_view key, int error_number) const;

    const std::filesystem::path folder_;
    const BucketAccess access_;
    const std::filesystem::path unfinished_;  // folder_/.tmp, no part of the bucket
};

}  // namespace dws
