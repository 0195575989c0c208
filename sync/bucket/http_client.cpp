#include "sync/bucket/http_client.h"

#include <curl/curl.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "sync/bucket/http_transfer.h"
#include "sync/bucket/throttle.h"

namespace dws {

namespace {

// Deadlines and stops are looked at this often when nothing else happens.
constexpr double kLongestPoll_s = 0.5;

void start_curl() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);  // once in a process
    if (started != CURLE_OK) throw std::runtime_error("libcurl does not start on this machine");
}

// OpenSSL writes to a socket that the server may have closed: that is an error code, no signal.
void block_broken_pipe_signal() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

class CurlMulti {
public:
    CurlMulti() : multi_((start_curl(), curl_multi_init())) {
        if (multi_ == nullptr) throw std::bad_alloc();
    }
    ~CurlMulti() { curl_multi_cleanup(multi_); }
    CurlMulti(const CurlMulti&) = delete;
    CurlMulti& operator=(const CurlMulti&) = delete;
    CURLM* get() const { return multi_; }

private:
    CURLM* const multi_;
};

}  // namespace

std::string_view HttpReply::header(std::string_view name) const {
    const auto found = std::ranges::find(headers, name, &HttpHeader::name);
    return found == headers.end() ? std::string_view{} : found->value;
}

struct HttpClient::Parts {
    const HttpOptions options;
    const std::stop_token stop;
    const CurlMulti multi;
    Throttle throttle{options.bytes_per_s};  // of the thread alone
    std::vector<HttpTransfer*> under_way;    // of the thread alone

    std::mutex mutex;
    std::condition_variable ended;
    std::deque<HttpTransfer*> waiting;  // guarded by mutex; not owned
    std::vector<HttpTransfer*> done;    // guarded by mutex; not owned

    std::stop_callback<std::function<void()>> stopped{stop,
                                                      [this] { curl_multi_wakeup(multi.get()); }};
    std::jthread thread;  // last member: joined first

    Parts(HttpOptions options_, std::stop_token stop_)
        : options(std::move(options_)), stop(std::move(stop_)) {
        curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.transfers));
        thread = std::jthread([this](std::stop_token ending) { run(ending); });
    }
    ~Parts() {
        thread.request_stop();
        curl_multi_wakeup(multi.get());
    }

    void run(const std::stop_token& ending) {
        block_broken_pipe_signal();
        while (!ending.stop_requested()) {
            begin_waiting();
            let_go_on();
            int running = 0;
            curl_multi_perform(multi.get(), &running);
            take_results();
            end_overdue();
            if (!has_room_for_waiting()) wait();
        }
    }

    bool has_room_for_waiting() {
        std::unique_lock lock(mutex);
        return !waiting.empty() && under_way.size() < options.transfers;
    }

    void begin_waiting() {
        while (under_way.size() < options.transfers) {
            std::unique_lock lock(mutex);
            if (waiting.empty()) return;
            HttpTransfer* transfer = waiting.front();
            waiting.pop_front();
            lock.unlock();
            transfer->begin(monotonic_s());
            under_way.push_back(transfer);
            curl_multi_add_handle(multi.get(), transfer->handle());
        }
    }

    void let_go_on() {
        for (HttpTransfer* transfer : under_way) {
            if (throttle.wait_s(monotonic_s()) > 0) return;
            transfer->go_on();
        }
        // Who waited first goes first the next time.
        if (throttle.is_limited() && under_way.size() > 1)
            std::rotate(under_way.begin(), under_way.begin() + 1, under_way.end());
    }

    void take_results() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const auto found =
                std::ranges::find(under_way, message->easy_handle, &HttpTransfer::handle);
            HttpTransfer* transfer = *found;
            transfer->end(message->data.result);
            finish(transfer);
        }
    }

    void end_overdue() {
        const double now_s = monotonic_s();
        const std::vector<HttpTransfer*> all = under_way;
        for (HttpTransfer* transfer : all) {
            if (stop.stop_requested()) transfer->end_by(now_s + options.stop_grace_s);
            if (now_s < transfer->deadline_s()) continue;
            transfer->end_overdue();
            finish(transfer);
        }
    }

    void finish(HttpTransfer* transfer) {
        curl_multi_remove_handle(multi.get(), transfer->handle());
        std::erase(under_way, transfer);
        std::unique_lock lock(mutex);
        done.push_back(transfer);
        ended.notify_all();
    }

    void wait() {
        double wait_s = kLongestPoll_s;
        if (const double until_s = throttle.wait_s(monotonic_s()); until_s > 0)
            wait_s = std::min(wait_s, until_s);
        curl_multi_poll(multi.get(), nullptr, 0, std::max(1, static_cast<int>(1e3 * wait_s)),
                        nullptr);
    }
};

HttpClient::HttpClient(HttpOptions options, std::stop_token stop)
    : parts_(std::make_unique<Parts>(std::move(options), std::move(stop))) {}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::perform(const HttpRequest& request) {
    HttpTransfer transfer(request, parts_->options, parts_->throttle);
    std::unique_lock lock(parts_->mutex);
    parts_->waiting.push_back(&transfer);
    curl_multi_wakeup(parts_->multi.get());
    parts_->ended.wait(lock, [&] { return std::erase(parts_->done, &transfer) > 0; });
    return transfer.take_reply();
}

}  // namespace dws
