// A bucket that kills its process (SIGKILL) at one point of a version's way:
//   before_upload   before the first file       during_upload   before the second
//   before_receipt  with all files there        after_receipt   with the receipt there as well
//   before_commit   rank 0, all receipts there  during_commit   the record is there, unanswered
#pragma once

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sync/bucket/bucket.h"
#include "sync/record.h"
#include "tests/end_to_end/rank_model.h"

namespace dws {

inline void die() { ::kill(::getpid(), SIGKILL); }

class FatalBucket : public Bucket {
public:
    FatalBucket(std::unique_ptr<Bucket> bucket, std::string point)
        : bucket_(std::move(bucket)), point_(std::move(point)) {}

    Result<Done> put(std::string_view key, std::span<const std::byte> object) override {
        const bool is_fatal = key.find(fmt::format("delta-{:06}", kFatalVersion)) != key.npos;
        const int files_before = is_fatal ? fatal_files_++ : -1;
        if (point_ == "before_upload" && files_before == 0) die();
        if (point_ == "during_upload" && files_before == 1) die();
        return bucket_->put(key, object);
    }
    Result<PutOutcome> put_if_absent(std::string_view key,
                                     std::span<const std::byte> object) override {
        const bool is_receipt = key.find(fmt::format("receipts/{:012}", kFatalVersion)) != key.npos;
        const bool is_record = key.find("/log/") != key.npos && is_fatal_record(object);
        if (is_receipt && point_ == "before_receipt") die();
        if (is_record && point_ == "before_commit") die();
        Result<PutOutcome> outcome = bucket_->put_if_absent(key, object);
        if (is_receipt && point_ == "after_receipt") die();
        if (is_record && point_ == "during_commit") die();
        return outcome;
    }
    Result<Bytes> get(std::string_view key, ByteRange range) override {
        return bucket_->get(key, range);
    }
    Result<std::vector<std::string>> list(std::string_view prefix, Listing what) override {
        return bucket_->list(prefix, what);
    }
    Result<Done> remove(std::string_view key) override { return bucket_->remove(key); }

private:
    static bool is_fatal_record(std::span<const std::byte> object) {
        const Result<Record> record = decode_record(object);
        return record && record->kind == RecordKind::delta && record->version == kFatalVersion;
    }

    const std::unique_ptr<Bucket> bucket_;
    const std::string point_;
    std::atomic<int> fatal_files_ = 0;
};

}  // namespace dws
