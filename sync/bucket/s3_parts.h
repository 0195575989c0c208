// An object above a store's limit for one PUT, sent in parts (S3's multipart upload). It appears
// when the last word is said, or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/bucket/s3_client.h"

namespace dws {

// Parts of part_bytes, all of one size but the last as R2 wants it, more where there would be above
// 10,000 (S3's most); at_once of them under way. What was sent is dropped when one of them fails.
Result<Done> put_in_parts(S3Client& client, const std::string& key,
                          std::span<const std::byte> object, std::uint64_t part_bytes,
                          std::size_t at_once, const Retries& retries);

}  // namespace dws
