#include "env_wordle/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace dws {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<EnvCall, const char*>, 4> kCalls{{{EnvCall::reset, "reset"},
                                                                 {EnvCall::step, "step"},
                                                                 {EnvCall::state, "state"},
                                                                 {EnvCall::close, "close"}}};

constexpr std::array<EnvErrorCode, 6> kErrors{
    EnvErrorCode::none,        EnvErrorCode::malformed, EnvErrorCode::unknown_session,
    EnvErrorCode::at_capacity, EnvErrorCode::finished,  EnvErrorCode::slow_down};

const char* name_of(EnvCall call) {
    for (const auto& [known, name] : kCalls)
        if (known == call) return name;
    return "";
}

// Takes members out of one JSON object and remembers the first that was missing or of the wrong
// type, so that decoding reads as a list.
class Members {
public:
    explicit Members(const json& object) : object_(object) {
        if (!object_.is_object()) complaint_ = "not a JSON object";
    }

    std::string text(const char* key) {
        const json* value = find(key, "a string");
        if (value && !value->is_string()) complain(key, "a string");
        return is_sound() ? value->get<std::string>() : std::string{};
    }
    std::uint64_t whole(const char* key) {
        const json* value = find(key, "a whole number below 2^64");
        if (value && !value->is_number_unsigned()) complain(key, "a whole number below 2^64");
        return is_sound() ? value->get<std::uint64_t>() : 0;
    }
    int small(const char* key, int max) {
        const std::uint64_t value = whole(key);
        if (value > static_cast<std::uint64_t>(max)) complain(key, fmt::format("0 to {}", max));
        return is_sound() ? static_cast<int>(value) : 0;
    }
    bool boolean(const char* key) {
        const json* value = find(key, "true or false");
        if (value && !value->is_boolean()) complain(key, "true or false");
        return is_sound() && value->get<bool>();
    }
    double number(const char* key) {
        const json* value = find(key, "a number");
        if (value && !value->is_number()) complain(key, "a number");
        return is_sound() ? value->get<double>() : 0;
    }

    void complain(const char* key, const std::string& expected) {
        if (is_sound()) complaint_ = fmt::format("\"{}\": expected {}", key, expected);
    }
    bool is_sound() const { return complaint_.empty(); }
    Error error() const { return {Fault::corrupt, complaint_}; }

private:
    const json* find(const char* key, const char* expected) {
        if (!is_sound()) return nullptr;
        const auto member = object_.find(key);
        if (member != object_.end()) return &*member;
        complain(key, expected);
        return nullptr;
    }

    const json& object_;
    std::string complaint_;
};

// Discarded when it is not JSON, or not valid UTF-8.
json parse(std::string_view message) { return json::parse(message, nullptr, false); }

// Text that came from a request is valid UTF-8; anything else must not stop a server.
std::string dump(const json& object) {
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<EnvCall> call_named(const std::string& name) {
    for (const auto& [call, known] : kCalls)
        if (name == known) return call;
    return std::nullopt;
}

std::optional<EnvErrorCode> error_named(const std::string& name) {
    for (const EnvErrorCode code : kErrors)
        if (name == name_of(code)) return code;
    return std::nullopt;
}

bool is_feedback(const std::string& text) {
    return text.empty() || (text.size() == 5 && text.find_first_not_of("GYX") == text.npos);
}

}  // namespace

const char* name_of(EnvErrorCode code) {
    switch (code) {
        case EnvErrorCode::none:
            return "none";
        case EnvErrorCode::malformed:
            return "malformed";
        case EnvErrorCode::unknown_session:
            return "unknown_session";
        case EnvErrorCode::at_capacity:
            return "at_capacity";
        case EnvErrorCode::finished:
            return "finished";
        case EnvErrorCode::slow_down:
            return "slow_down";
    }
    return "";
}

std::string encode(const EnvRequest& request) {
    json object{{"call", name_of(request.call)}, {"id", request.id}};
    if (request.call == EnvCall::reset) object["seed"] = request.seed;
    if (request.call != EnvCall::reset) object["session"] = request.session;
    if (request.call == EnvCall::step) object["text"] = request.text;
    return dump(object);
}

std::string encode(const EnvReply& reply) {
    return dump({{"id", reply.id},
                 {"error", name_of(reply.error)},
                 {"message", reply.message},
                 {"session", reply.session},
                 {"text", reply.text},
                 {"feedback", reply.feedback},
                 {"turn", reply.turn},
                 {"turns_max", reply.turns_max},
                 {"greens", reply.greens},
                 {"yellows", reply.yellows},
                 {"valid", reply.valid},
                 {"won", reply.won},
                 {"done", reply.done},
                 {"reward", reply.reward}});
}

Result<EnvRequest> decode_request(std::string_view message) {
    if (message.size() > kMaxMessageBytes)
        return Error{Fault::corrupt, fmt::format("{} bytes, at most {} are taken", message.size(),
                                                 kMaxMessageBytes)};
    const json object = parse(message);
    if (object.is_discarded()) return Error{Fault::corrupt, "not JSON in UTF-8"};
    Members members(object);
    const std::optional<EnvCall> call = call_named(members.text("call"));
    if (!call) members.complain("call", "reset, step, state or close");
    EnvRequest request;
    request.id = members.whole("id");
    if (!members.is_sound()) return members.error();
    request.call = *call;
    if (request.call == EnvCall::reset) request.seed = members.whole("seed");
    if (request.call != EnvCall::reset) request.session = members.text("session");
    if (request.call == EnvCall::step) request.text = members.text("text");
    if (!members.is_sound()) return members.error();
    return request;
}

Result<EnvReply> decode_reply(std::string_view message) {
    constexpr int kLetters = 5;
    constexpr int kTurnsCeiling = 1000;  // of any word game; keeps the numbers small
    constexpr std::size_t kReplyBytes =
        16 * kMaxMessageBytes;  // a repeated guess, each byte \u00xx
    if (message.size() > kReplyBytes) return Error{Fault::corrupt, "reply of too many bytes"};
    const json object = parse(message);
    if (object.is_discarded()) return Error{Fault::corrupt, "not JSON in UTF-8"};
    Members members(object);
    EnvReply reply;
    reply.id = members.whole("id");
    const std::optional<EnvErrorCode> error = error_named(members.text("error"));
    if (!error) members.complain("error", "a known error");
    reply.error = error.value_or(EnvErrorCode::none);
    reply.message = members.text("message");
    reply.session = members.text("session");
    reply.text = members.text("text");
    reply.feedback = members.text("feedback");
    if (!is_feedback(reply.feedback)) members.complain("feedback", "five of G, Y, X or nothing");
    reply.turns_max = members.small("turns_max", kTurnsCeiling);
    reply.turn = members.small("turn", reply.turns_max);
    reply.greens = members.small("greens", kLetters);
    reply.yellows = members.small("yellows", kLetters);
    reply.valid = members.boolean("valid");
    reply.won = members.boolean("won");
    reply.done = members.boolean("done");
    reply.reward = members.number("reward");
    if (!std::isfinite(reply.reward)) members.complain("reward", "a finite number");
    if (!members.is_sound()) return members.error();
    return reply;
}

std::uint64_t id_in(std::string_view message) {
    if (message.size() > kMaxMessageBytes) return 0;
    const json object = parse(message);
    if (!object.is_object()) return 0;
    const auto id = object.find("id");
    return id != object.end() && id->is_number_unsigned() ? id->get<std::uint64_t>() : 0;
}

}  // namespace dws
