#include "sync/bucket/http_transfer.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <new>
#include <stdexcept>

#include "base/clock.h"

namespace dws {

namespace {

constexpr std::size_t kMostHeaderBytes = 64u << 10;
constexpr long kStalledBytesPerS = 1'024;
// libcurl copies each piece once more: large enough for few calls, small enough for the cache.
constexpr long kLargeBuffer = 128l << 10;
constexpr long kSmallBuffer = 32l << 10;
constexpr std::size_t kLargeBody = 1u << 20;

std::string_view trimmed(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

template <class Value>
void set(CURL* curl, CURLoption option, Value value) {
    if (const CURLcode code = curl_easy_setopt(curl, option, value); code != CURLE_OK)
        throw std::runtime_error(fmt::format("libcurl on this machine lacks option {}: {}",
                                             static_cast<int>(option), curl_easy_strerror(code)));
}

bool is_server_refused(int result) {
    return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
           result == CURLE_SSL_ISSUER_ERROR;
}

}  // namespace

struct HttpTransfer::Curl {
    CURL* easy = curl_easy_init();
    curl_slist* headers = nullptr;
    char error_text[CURL_ERROR_SIZE] = "";

    Curl() {
        if (easy == nullptr) throw std::bad_alloc();
    }
    ~Curl() {
        curl_easy_cleanup(easy);
        curl_slist_free_all(headers);
    }
    Curl(const Curl&) = delete;
    Curl& operator=(const Curl&) = delete;

    void add_header(const std::string& line) {
        curl_slist* longer = curl_slist_append(headers, line.c_str());
        if (longer == nullptr) throw std::bad_alloc();
        headers = longer;
    }
};

HttpTransfer::HttpTransfer(const HttpRequest& request, const HttpOptions& options,
                           Throttle& throttle)
    : request_(request), throttle_(throttle), curl_(std::make_unique<Curl>()) {
    const double bytes = static_cast<double>(request.body.size() + request.expected_bytes);
    const double share = options.bytes_per_s / static_cast<double>(options.transfers);
    const double slowest =
        share > 0 ? std::min(share, options.slowest_bytes_per_s) : options.slowest_bytes_per_s;
    allowed_s_ = options.connect_timeout_s + options.stall_timeout_s + bytes / slowest;
    set_up(options);
    set_up_body();
}

HttpTransfer::~HttpTransfer() = default;

void* HttpTransfer::handle() const { return curl_->easy; }

void HttpTransfer::end_by(double deadline_s) { deadline_s_ = std::min(deadline_s_, deadline_s); }

void HttpTransfer::set_up(const HttpOptions& options) {
    CURL* easy = curl_->easy;
    set(easy, CURLOPT_URL, request_.url.c_str());
    set(easy, CURLOPT_PATH_AS_IS, 1L);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(easy, CURLOPT_USERAGENT, "dws");
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_ERRORBUFFER, curl_->error_text);
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(1e3 * options.connect_timeout_s));
    set(easy, CURLOPT_LOW_SPEED_LIMIT, kStalledBytesPerS);
    set(easy, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options.stall_timeout_s)));
    if (!options.ca_file.empty()) set(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    set(easy, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
    set(easy, CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(easy, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body);
    set(easy, CURLOPT_WRITEDATA, static_cast<void*>(this));
    const bool is_large = request_.expected_bytes >= kLargeBody && !throttle_.is_limited();
    set(easy, CURLOPT_BUFFERSIZE, is_large ? kLargeBuffer : kSmallBuffer);
    for (const HttpHeader& header : request_.headers)
        curl_->add_header(header.name + ": " + header.value);
}

void HttpTransfer::set_up_body() {
    CURL* easy = curl_->easy;
    set(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    if (request_.method == "PUT" || request_.method == "POST") {
        set(easy, CURLOPT_UPLOAD, 1L);
        set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(easy, CURLOPT_READFUNCTION, &HttpTransfer::on_send);
        set(easy, CURLOPT_READDATA, static_cast<void*>(this));
        set(easy, CURLOPT_SEEKFUNCTION, &HttpTransfer::on_seek);
        set(easy, CURLOPT_SEEKDATA, static_cast<void*>(this));
        const bool is_large = request_.body.size() >= kLargeBody && !throttle_.is_limited();
        set(easy, CURLOPT_UPLOAD_BUFFERSIZE, is_large ? kLargeBuffer : kSmallBuffer);
        // A large body waits until the server has agreed to it: a refusal is then read, not lost
        // in a connection that the server closes on it.
        if (request_.body.size() < kLargeBody) curl_->add_header("Expect:");
    }
    set(easy, CURLOPT_HTTPHEADER, curl_->headers);
}

std::size_t HttpTransfer::on_header(char* line, std::size_t size, std::size_t count, void* self) {
    return static_cast<HttpTransfer*>(self)->take_header({line, size * count});
}

std::size_t HttpTransfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<HttpTransfer*>(self)->take_body(
        bytes_of(std::string_view(bytes, size * count)));
}

std::size_t HttpTransfer::on_send(char* room, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    if (transfer.must_wait()) return CURL_READFUNC_PAUSE;
    const std::size_t bytes =
        std::min(size * count, transfer.request_.body.size() - transfer.sent_);
    std::memcpy(room, transfer.request_.body.data() + transfer.sent_, bytes);
    transfer.sent_ += bytes;
    transfer.throttle_.passed(bytes);
    return bytes;
}

// A kept connection that turns out to be dead makes libcurl begin again on a new one.
int HttpTransfer::on_seek(void* self, long long offset, int origin) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    if (origin != SEEK_SET || offset < 0 ||
        static_cast<std::size_t>(offset) > transfer.request_.body.size())
        return CURL_SEEKFUNC_FAIL;
    transfer.sent_ = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

std::size_t HttpTransfer::take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // of "100 Continue" too, which another one follows
        reply_.headers.clear();
        return line.size();
    }
    header_bytes_ += line.size();
    if (header_bytes_ > kMostHeaderBytes) {
        reply_.failure = "the headers of the reply are longer than 64 KiB";
        return 0;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string name(trimmed(line.substr(0, colon)));
    std::ranges::transform(name, name.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    reply_.headers.push_back({std::move(name), std::string(trimmed(line.substr(colon + 1)))});
    return line.size();
}

bool HttpTransfer::must_wait() {
    is_waiting_ = throttle_.wait_s(monotonic_s()) > 0;
    return is_waiting_;
}

std::size_t HttpTransfer::take_body(std::span<const std::byte> bytes) {
    if (must_wait()) return CURL_WRITEFUNC_PAUSE;
    throttle_.passed(bytes.size());
    if (!has_room_) {
        long status = 0;
        curl_easy_getinfo(curl_->easy, CURLINFO_RESPONSE_CODE, &status);
        reply_.status = static_cast<int>(status);
        if (!request_.room || !reply_.is_success()) return take_text(bytes);
        room_ = request_.room(reply_);
        has_room_ = true;
    }
    const std::size_t fits = std::min(bytes.size(), room_.size() - reply_.body_bytes);
    std::ranges::copy(bytes.first(fits), room_.subspan(reply_.body_bytes).begin());
    reply_.body_bytes += fits;
    is_cut_ = fits < bytes.size();
    return fits;  // fewer than came end the transfer
}

std::size_t HttpTransfer::take_text(std::span<const std::byte> bytes) {
    const std::size_t fits = std::min(bytes.size(), request_.most_text_bytes - reply_.text.size());
    reply_.text += text_of(bytes.first(fits));
    is_cut_ = fits < bytes.size();
    if (is_cut_ && reply_.is_success())
        reply_.failure = fmt::format("the reply is longer than {} bytes", request_.most_text_bytes);
    return fits;
}

void HttpTransfer::go_on() {
    if (!is_waiting_) return;
    is_waiting_ = false;
    curl_easy_pause(curl_->easy, CURLPAUSE_CONT);
}

void HttpTransfer::end(int result) {
    CURL* easy = curl_->easy;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply_.status = static_cast<int>(status);
    char* redirect = nullptr;
    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &redirect);
    if (redirect != nullptr) reply_.redirect = redirect;
    if (result == CURLE_OK || !reply_.failure.empty()) return;
    if (result == CURLE_WRITE_ERROR && is_cut_) return;
    reply_.is_untrusted_server = is_server_refused(result);
    reply_.failure = curl_->error_text[0] != '\0'
                         ? curl_->error_text
                         : curl_easy_strerror(static_cast<CURLcode>(result));
}

void HttpTransfer::end_overdue() {
    reply_.status = 0;
    reply_.failure = "no whole answer in time";
}

}  // namespace dws
