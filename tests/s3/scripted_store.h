// A store whose answers a test writes itself: an HTTP server on this machine that keeps what it was
// asked.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/fault_proxy/http_server.h"
#include "sync/bucket/bucket_s3.h"

namespace dws {

inline WireResponse response_of(int status, std::string body = "", WireFields fields = {}) {
    return {status, "said", std::move(fields), std::move(body)};
}

inline WireResponse refusal_of(int status, const std::string& code, WireFields fields = {}) {
    return response_of(status, "<Error><Code>" + code + "</Code></Error>", std::move(fields));
}

class ScriptedStore {
public:
    // Called for every request with its number, from 0.
    using Script = std::function<Reply(const WireRequest& request, std::size_t number)>;

    explicit ScriptedStore(Script script)
        : script_(std::move(script)),
          server_({"127.0.0.1", 0}, [this](WireRequest request, auto) { return answer(request); }) {
    }

    std::string origin() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
    std::vector<WireRequest> requests() const {
        std::unique_lock lock(mutex_);
        return requests_;
    }

    // A bucket of it: not retried unless the policy says so.
    std::unique_ptr<Bucket> open(RetryPolicy retry = {.deadline_s = 0}, S3Options options = {},
                                 std::stop_token stop = {}) const {
        StorePlace place;
        place.origin = origin();
        place.host = origin().substr(7);
        place.base_path = "/bucket";
        place.bucket = "bucket";
        place.region = "us-east-1";
        return std::make_unique<BucketS3>(std::move(place), keys(), std::move(options), retry, stop,
                                          BucketAccess::write);
    }

    static Credentials keys() {
        return {Secret("AKIATESTKEYID"), Secret("very-secret-key"), Secret("session-token")};
    }

private:
    Reply answer(const WireRequest& request) {
        std::unique_lock lock(mutex_);
        requests_.push_back(request);
        const std::size_t number = requests_.size() - 1;
        lock.unlock();
        return script_(request, number);
    }

    const Script script_;
    mutable std::mutex mutex_;
    std::vector<WireRequest> requests_;  // guarded by mutex_
    HttpServer server_;                  // last member: its threads use the others
};

}  // namespace dws
