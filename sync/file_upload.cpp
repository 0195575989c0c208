#include "sync/file_upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/require.h"
#include "base/stop_signal.h"
#include "sync/bucket/bucket_retry.h"
#include "sync/sha256.h"

namespace dws {

struct FileUpload::Parts {
    struct NumberedFile {
        std::size_t number;  // in the order of add()
        Bytes bytes;
    };

    Bucket& bucket;
    const FileUploadOptions options;
    std::stop_source ended;  // stopped from outside, or nobody waits for the files any more
    const std::stop_token stop = ended.get_token();
    const std::stop_callback<std::function<void()>> stopped;

    std::mutex mutex;
    std::condition_variable_any changed;
    std::deque<NumberedFile> waiting;   // guarded by mutex
    std::vector<ObjectRef> objects;     // guarded by mutex; by number
    std::size_t under_way = 0;          // guarded by mutex; files taken and not yet stored
    bool is_complete = false;           // guarded by mutex; no file will be added
    std::optional<Error> failure;       // guarded by mutex; the first
    std::vector<std::jthread> threads;  // last member: joined first

    Parts(Bucket& bucket_, FileUploadOptions options_, std::stop_token stop_)
        : bucket(bucket_),
          options(std::move(options_)),
          stopped(stop_, [this] { ended.request_stop(); }) {}

    // One file is with the encoder; a thread of its own for each of the others.
    std::size_t most_threads() const {
        return std::max<std::size_t>(options.files_in_flight, 2) - 1;
    }

    void run() {
        std::unique_lock lock(mutex);
        const auto has_next = [&] { return is_complete || !waiting.empty(); };
        while (changed.wait(lock, stop, has_next) && !waiting.empty() && !stop.stop_requested()) {
            NumberedFile file = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            Result<ObjectRef> stored = store(file.bytes);
            file.bytes = Bytes();  // gone before the encoder may make the next one
            lock.lock();
            under_way -= 1;
            if (stored)
                objects[file.number] = std::move(*stored);
            else if (!failure)
                failure = stored.error();
            changed.notify_all();
        }
    }

    Result<ObjectRef> store(std::span<const std::byte> file) const {
        ObjectRef object{.key = {}, .size_bytes = file.size(), .sha256 = sha256_hex(file)};
        object.key =
            fmt::format("objects/{}-{}.safetensors", options.stem, object.sha256.substr(0, 16));
        const std::string key = options.run + "/" + object.key;
        while (!stop.stop_requested()) {
            const Result<Done> put = bucket.put(key, file);
            if (put) return object;
            if (put.error().fault != Fault::transport) return put.error();
            if (options.fault) options.fault(put.error());
            sleep_or_stop(wait_after_s(put.error(), options.retry_wait_s), stop);
        }
        return Error{Fault::transport, object.key + ": stopped"};
    }
};

FileUpload::FileUpload(Bucket& bucket, FileUploadOptions options, std::stop_token stop)
    : parts_(std::make_unique<Parts>(bucket, std::move(options), std::move(stop))) {
    require(parts_->options.files_in_flight >= 1, "the file being encoded is in flight");
}

// Files that wait are dropped, puts under way are waited for: the bucket reads their bytes.
FileUpload::~FileUpload() { parts_->ended.request_stop(); }

bool FileUpload::add(Bytes file) {
    Parts& parts = *parts_;
    std::unique_lock lock(parts.mutex);
    if (parts.failure || parts.stop.stop_requested()) return false;
    parts.waiting.push_back({parts.objects.size(), std::move(file)});
    parts.objects.emplace_back();
    parts.under_way += 1;
    if (parts.threads.size() < std::min(parts.under_way, parts.most_threads()))
        parts.threads.emplace_back([&parts] { parts.run(); });
    parts.changed.notify_all();
    const bool has_room = parts.changed.wait(lock, parts.stop, [&] {
        return parts.failure || parts.under_way < parts.options.files_in_flight;
    });
    return has_room && !parts.failure;
}

Result<std::vector<ObjectRef>> FileUpload::finish() {
    Parts& parts = *parts_;
    std::unique_lock lock(parts.mutex);
    parts.is_complete = true;
    parts.changed.notify_all();
    const bool is_over =
        parts.changed.wait(lock, parts.stop, [&] { return parts.failure || parts.under_way == 0; });
    if (parts.failure) return *parts.failure;
    if (!is_over) return Error{Fault::transport, parts.options.stem + ": stopped"};
    return std::move(parts.objects);
}

}  // namespace dws
