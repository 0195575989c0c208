#include "experiments/fault_proxy/fault_proxy.h"

#include <fmt/format.h>

#include <string>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "experiments/fault_proxy/error_reply.h"

namespace dws {
namespace {

Reply text(int status, const std::string& reason, std::string body) {
    Reply reply;
    reply.response = {.status = status,
                      .reason = reason,
                      .fields = {{"content-type", "text/plain"}},
                      .body = std::move(body)};
    return reply;
}

bool is_listing(const WireRequest& request) {
    return request.method == "GET" && request.query.find("list-type=2") != std::string::npos;
}

// "/bucket/run/log/0" -> "run/log/0"
std::string key_of(const std::string& path) {
    const std::size_t slash = path.find('/', 1);
    return slash == std::string::npos ? "" : path.substr(slash + 1);
}

// Answered without asking the store.
std::optional<Reply> refused(StoreFault fault, const FaultPlan& plan) {
    const auto with_retry_after = [&](Reply reply) {
        set_field(reply.response.fields, "retry-after", fmt::format("{:.0f}", plan.retry_after_s));
        return reply;
    };
    if (fault == StoreFault::error_500)
        return error_reply(500, "Internal Server Error", "InternalError");
    if (fault == StoreFault::busy_503)
        return with_retry_after(error_reply(503, "Service Unavailable", "SlowDown"));
    if (fault == StoreFault::throttled_429)
        return with_retry_after(error_reply(429, "Too Many Requests", "TooManyRequests"));
    return std::nullopt;
}

Delivery delivery_of(StoreFault fault) {
    if (fault == StoreFault::truncated) return Delivery::truncated;
    if (fault == StoreFault::reset) return Delivery::reset;
    return fault == StoreFault::lost_answer ? Delivery::lost : Delivery::whole;
}

}  // namespace

Reply FaultProxy::answer(WireRequest request, std::stop_token stop) {
    const FaultPlan plan = dice_.plan();
    const StoreFault fault = dice_.draw(request.path + "?" + request.query, is_listing(request));
    if (std::optional<Reply> refusal = refused(fault, plan)) return *refusal;

    const bool is_slow = fault == StoreFault::slow;
    if (is_slow)
        sleep_or_stop(static_cast<double>(request.body.size()) / plan.slow_bytes_per_s, stop);
    const bool is_put = request.method == "PUT";
    Result<WireResponse> response = upstream_.send(request, stop);
    Reply reply{.response = {}, .delivery = Delivery::lost};  // no store, no answer
    if (!response) return reply;
    reply = {.response = std::move(*response),
             .delivery = delivery_of(fault),
             .bytes_per_s = is_slow ? plan.slow_bytes_per_s : 0};
    if (is_put && reply.response.status == 200)
        put_times_.note(key_of(request.path), monotonic_s());
    if (fault == StoreFault::stale_list) {
        reply.response.body =
            without_newer(reply.response.body, put_times_, monotonic_s() - plan.stale_s);
    }
    return reply;
}

Reply ProxyControl::answer(const WireRequest& request, FaultDice& dice) {
    if (request.method == "PUT" && request.path == "/faults") {
        Result<FaultPlan> plan = parse_fault_plan(request.query);
        if (!plan) return text(400, "Bad Request", plan.error().detail + "\n");
        dice.set(std::move(*plan));
        return text(200, "OK", "");
    }
    if (request.method != "GET" || request.path != "/counts")
        return text(404, "Not Found", "PUT /faults?PLAN or GET /counts\n");
    std::string lines;
    for (const auto& [fault, count] : dice.counts())
        lines += fmt::format("{} {}\n", name_of(fault), count);
    return text(200, "OK", lines);
}

}  // namespace dws
