// One request on its way through libcurl, for http_client.cpp alone. Everything here happens on the
// client's thread but its making and the reading of the reply once it is done.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "sync/bucket/http_client.h"
#include "sync/bucket/throttle.h"

namespace dws {

class HttpTransfer {
public:
    // request and throttle are not owned and outlive this.
    HttpTransfer(const HttpRequest& request, const HttpOptions& options, Throttle& throttle);
    ~HttpTransfer();
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;

    void* handle() const;  // libcurl's
    HttpReply take_reply() { return std::move(reply_); }
    void begin(double now_s) { deadline_s_ = now_s + allowed_s_; }
    double deadline_s() const { return deadline_s_; }  // of monotonic_s()
    void end_by(double deadline_s);                    // not later than that

    void go_on();          // where the throttle had it wait
    void end(int result);  // libcurl's result: completes the reply
    void end_overdue();    // its deadline has passed

private:
    static std::size_t on_header(char* line, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
    static std::size_t on_send(char* room, std::size_t size, std::size_t count, void* self);
    static int on_seek(void* self, long long offset, int origin);

    void set_up(const HttpOptions& options);
    void set_up_body();
    std::size_t take_header(std::string_view line);
    std::size_t take_body(std::span<const std::byte> bytes);
    std::size_t take_text(std::span<const std::byte> bytes);
    bool must_wait();

    struct Curl;
    const HttpRequest& request_;
    Throttle& throttle_;
    const std::unique_ptr<Curl> curl_;
    HttpReply reply_;
    double allowed_s_;
    double deadline_s_ = 0;
    std::span<std::byte> room_;
    bool has_room_ = false;
    bool is_cut_ = false;  // the body is longer than the room
    bool is_waiting_ = false;
    std::size_t header_bytes_ = 0;
    std::size_t sent_ = 0;
};

}  // namespace dws
