#include "experiments/fault_proxy/wire_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace dws {
namespace {

constexpr std::size_t kLineBytes = 16 << 10;   // a key has 1,024 characters, thrice that encoded
constexpr std::size_t kFields = 128;           // S3 sends about twenty
constexpr std::size_t kBodyBytes = 256 << 20;  // a body is held whole; files are cut at 64 MiB

Error corrupt(std::string detail) { return {Fault::corrupt, std::move(detail)}; }
Error cut() { return {Fault::transport, "the connection ended within a message"}; }

std::optional<std::size_t> number(std::string_view text, int base) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size() || value > kBodyBytes)
        return std::nullopt;
    return value;
}

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char letter) { return std::tolower(letter); });
    return text;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

std::string wire_fields(const WireFields& fields) {
    std::string text;
    for (const auto& [name, value] : fields) text += fmt::format("{}: {}\r\n", name, value);
    return text + "\r\n";
}

}  // namespace

const std::string* find_field(const WireFields& fields, std::string_view name) {
    const auto at = std::find_if(fields.begin(), fields.end(),
                                 [&](const auto& field) { return field.first == name; });
    return at == fields.end() ? nullptr : &at->second;
}

void erase_field(WireFields& fields, std::string_view name) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
}

void set_field(WireFields& fields, std::string_view name, std::string value) {
    erase_field(fields, name);
    fields.emplace_back(name, std::move(value));
}

Result<WireRequest> MessageReader::request() {
    Result<Head> read = head();
    if (!read) return read.error();
    const std::string& line = read->first_line;
    const std::size_t target = line.find(' ');
    const std::size_t version = line.rfind(' ');
    if (target == version || !line.ends_with(" HTTP/1.1") || line[target + 1] != '/')
        return corrupt("no request line of HTTP/1.1");
    WireRequest request{.method = line.substr(0, target),
                        .path = line.substr(target + 1, version - target - 1),
                        .query = {},
                        .fields = std::move(read->fields),
                        .body = {}};
    const std::size_t question = request.path.find('?');
    if (question != std::string::npos) {
        request.query = request.path.substr(question + 1);
        request.path.resize(question);
    }
    if (find_field(request.fields, "expect") != nullptr) {
        if (!connection_.write("HTTP/1.1 100 Continue\r\n\r\n")) return cut();
        erase_field(request.fields, "expect");
    }
    Result<std::string> content = body(request.fields, false);
    if (!content) return content.error();
    request.body = std::move(*content);
    erase_field(request.fields, "transfer-encoding");
    return request;
}

Result<WireResponse> MessageReader::response(std::string_view method) {
    Result<Head> read = head();
    if (!read) return read.error();
    const std::string& line = read->first_line;
    const std::optional<std::size_t> status = line.starts_with("HTTP/1.1 ") && line.size() >= 12
                                                  ? number(line.substr(9, 3), 10)
                                                  : std::nullopt;
    if (!status) return corrupt("no status line of HTTP/1.1");
    if (*status == 100) return response(method);
    WireResponse response{.status = static_cast<int>(*status),
                          .reason = line.size() > 13 ? line.substr(13) : "",
                          .fields = std::move(read->fields),
                          .body = {}};
    if (method == "HEAD" || *status == 204 || *status == 304) return response;
    const bool is_until_end = find_field(response.fields, "content-length") == nullptr;
    Result<std::string> content = body(response.fields, is_until_end);
    if (!content) return content.error();
    response.body = std::move(*content);
    erase_field(response.fields, "transfer-encoding");
    erase_field(response.fields, "content-length");
    return response;
}

Result<MessageReader::Head> MessageReader::head() {
    if (unread_.empty() && !connection_.read_more(unread_))
        return Error{Fault::missing, "no further message"};
    Head head;
    Result<std::string> next = line();
    if (!next) return next.error();
    head.first_line = std::move(*next);
    while (true) {
        next = line();
        if (!next) return next.error();
        if (next->empty()) return head;
        const std::size_t colon = next->find(':');
        if (colon == std::string::npos || head.fields.size() == kFields)
            return corrupt("no header field, or too many");
        head.fields.emplace_back(lower_case(next->substr(0, colon)),
                                 trimmed(std::string_view(*next).substr(colon + 1)));
    }
}

Result<std::string> MessageReader::body(const WireFields& fields, bool is_until_end) {
    const std::string* encoding = find_field(fields, "transfer-encoding");
    if (encoding != nullptr && lower_case(*encoding) == "chunked") return chunks();
    const std::string* length = find_field(fields, "content-length");
    if (length != nullptr) {
        const std::optional<std::size_t> bytes = number(*length, 10);
        if (!bytes) return corrupt("a length that is none, or too large");
        return take(*bytes);
    }
    if (!is_until_end) return std::string();
    while (connection_.read_more(unread_))
        if (unread_.size() > kBodyBytes) return corrupt("a body that does not end");
    return std::exchange(unread_, {});
}

Result<std::string> MessageReader::chunks() {
    std::string whole;
    while (true) {
        Result<std::string> size = line();
        if (!size) return size.error();
        const std::optional<std::size_t> bytes = number(size->substr(0, size->find(';')), 16);
        if (!bytes || whole.size() + *bytes > kBodyBytes) return corrupt("a chunk's size");
        const Result<std::string> chunk = take(*bytes);
        if (!chunk) return chunk.error();
        whole += *chunk;
        size = line();  // after the chunk; after the last one it ends the body
        if (!size) return size.error();
        if (*bytes == 0) return whole;
    }
}

Result<std::string> MessageReader::line() {
    while (true) {
        const std::size_t end = unread_.find('\n');
        if (end != std::string::npos) {
            std::string text = unread_.substr(0, end);
            unread_.erase(0, end + 1);
            if (text.ends_with('\r')) text.pop_back();
            return text;
        }
        if (unread_.size() > kLineBytes) return corrupt("a line that does not end");
        if (!connection_.read_more(unread_)) return cut();
    }
}

Result<std::string> MessageReader::take(std::size_t bytes) {
    while (unread_.size() < bytes)
        if (!connection_.read_more(unread_)) return cut();
    std::string taken = unread_.substr(0, bytes);
    unread_.erase(0, bytes);
    return taken;
}

std::string wire_form(const WireRequest& request) {
    WireFields fields = request.fields;
    set_field(fields, "content-length", std::to_string(request.body.size()));
    return fmt::format("{} {}{}{} HTTP/1.1\r\n{}", request.method, request.path,
                       request.query.empty() ? "" : "?", request.query, wire_fields(fields)) +
           request.body;
}

std::string wire_head(const WireResponse& response) {
    WireFields fields = response.fields;
    if (find_field(fields, "content-length") == nullptr && response.status != 204)
        set_field(fields, "content-length", std::to_string(response.body.size()));
    return fmt::format("HTTP/1.1 {} {}\r\n{}", response.status, response.reason,
                       wire_fields(fields));
}

}  // namespace dws
