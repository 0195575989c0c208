#include "sync/bucket/s3_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "sync/bucket/s3_xml.h"
#include "sync/parallel.h"
#include "sync/sha256.h"

namespace dws {

namespace {

constexpr std::uint64_t kMostParts = 10'000;

class PartUpload {
public:
    PartUpload(S3Client& client, std::string key, const Retries& retries)
        : client_(client), key_(std::move(key)), call_("put " + key_), retries_(retries) {}

    Result<Done> begin() {
        const S3Request request{.method = "POST",
                                .key = key_,
                                .query = {{"uploads", ""}},
                                .headers = {},
                                .body = {},
                                .body_sha256 = {},
                                .room = {}};
        return answered([&]() -> Result<Done> {
            const HttpReply reply = client_.send(request);
            if (!reply.is_success()) return client_.failure(call_, reply);
            const Result<std::string> id = read_upload_id(reply.text);
            if (!id) return Error{id.error().fault, call_ + ": " + id.error().detail};
            id_ = *id;
            return Done{};
        });
    }

    Result<Done> send(std::span<const std::byte> object, std::uint64_t part_bytes,
                      std::size_t at_once) {
        const std::size_t parts = (object.size() + part_bytes - 1) / part_bytes;
        etags_.resize(parts);
        for_each_piece(std::min(at_once, parts), parts, [&](std::size_t, std::size_t index) {
            if (has_failed_) return;
            const std::size_t start = index * part_bytes;
            const Result<Done> sent = send_part(
                index,
                object.subspan(start, std::min<std::size_t>(part_bytes, object.size() - start)));
            if (!sent) fail(sent.error());
        });
        if (failure_) return *failure_;
        return Done{};
    }

    Result<Done> complete() {
        std::string xml = "<CompleteMultipartUpload>";
        for (std::size_t index = 0; index < etags_.size(); ++index)
            xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", index + 1,
                               etags_[index]);
        xml += "</CompleteMultipartUpload>";
        const std::string sha256 = sha256_hex(bytes_of(xml));
        return answered([&]() -> Result<Done> {
            const HttpReply reply = client_.send(part_request("POST", {}, bytes_of(xml), sha256));
            if (!reply.is_success()) return client_.failure(call_, reply);
            if (is_completed_upload(reply.text)) return Done{};
            return Error{Fault::transport, call_ + ": the parts did not become an object"};
        });
    }

    // What a store keeps of an upload that was not ended costs money; most drop it in days.
    void give_up() { (void)client_.send(part_request("DELETE", {}, {}, {})); }

private:
    template <class Call>
    Result<Done> answered(const Call& call) const {
        Retries own = retries_;
        return own.until_answered(call);
    }

    S3Request part_request(const std::string& method, const std::string& number,
                           std::span<const std::byte> body, const std::string& sha256) const {
        S3Request request{.method = method,
                          .key = key_,
                          .query = {{"uploadId", id_}},
                          .headers = {},
                          .body = body,
                          .body_sha256 = sha256,
                          .room = {}};
        if (!number.empty()) request.query.emplace_back("partNumber", number);
        return request;
    }

    Result<Done> send_part(std::size_t index, std::span<const std::byte> part) {
        const S3Request request =
            part_request("PUT", std::to_string(index + 1), part, sha256_hex(part));
        return answered([&]() -> Result<Done> {
            const HttpReply reply = client_.send(request);
            if (!reply.is_success()) return client_.failure(call_, reply);
            etags_[index] = reply.header("etag");
            return Done{};
        });
    }

    void fail(const Error& error) {
        std::unique_lock lock(mutex_);
        if (!failure_) failure_ = error;
        has_failed_ = true;
    }

    S3Client& client_;
    const std::string key_;
    const std::string call_;  // in error texts
    const Retries retries_;
    std::string id_;
    std::vector<std::string> etags_;  // by part; each written by the thread that sent it
    std::atomic<bool> has_failed_{false};
    std::mutex mutex_;
    std::optional<Error> failure_;  // guarded by mutex_; the first
};

}  // namespace

Result<Done> put_in_parts(S3Client& client, const std::string& key,
                          std::span<const std::byte> object, std::uint64_t part_bytes,
                          std::size_t at_once, const Retries& retries) {
    PartUpload upload(client, key, retries);
    if (const Result<Done> begun = upload.begin(); !begun) return begun;
    Result<Done> done = upload.send(
        object, std::max(part_bytes, (object.size() + kMostParts - 1) / kMostParts), at_once);
    if (done) done = upload.complete();
    if (!done) upload.give_up();
    return done;
}

}  // namespace dws
