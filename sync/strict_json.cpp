#include "sync/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sync/bucket/bucket.h"

namespace dws {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxDepth = 5;    // record, games, one worker, skipped, a number
constexpr std::size_t kMaxFields = 64;  // in one object; a record has 22
constexpr std::size_t kSha256Digits = 64;

// Builds the values as the parser meets them. What is open stays where it is: its parent takes no
// further value before it is closed.
class Builder : public nlohmann::json_sax<Json> {
public:
    JsonValue root;

    bool null() override { return add({}); }
    bool boolean(bool value) override { return add({value}); }
    bool number_integer(number_integer_t value) override { return add({value}); }
    bool number_unsigned(number_unsigned_t value) override { return add({value}); }
    bool number_float(number_float_t, const string_t&) override { return add({}); }
    bool binary(binary_t&) override { return add({}); }
    bool string(string_t& value) override {
        return add({std::make_unique<std::string>(std::move(value))});
    }
    bool start_object(std::size_t) override {
        return open({std::make_unique<JsonValue::Object>()});
    }
    bool start_array(std::size_t) override { return open({std::make_unique<JsonValue::List>()}); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        JsonValue::Object& fields =
            *std::get<std::unique_ptr<JsonValue::Object>>(open_.back()->value);
        if (fields.size() == kMaxFields) throw FormFault{"an object has too many fields"};
        for (const auto& field : fields)
            if (field.first == name) refuse(name, "is repeated: not in its one form");
        fields.emplace_back(std::move(name), JsonValue{});
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const Json::exception& fault) override {
        throw FormFault{fmt::format("not JSON: {}", fault.what())};
    }

private:
    // The place of the value that comes now.
    JsonValue& place() {
        if (open_.empty()) return root;
        auto& parent = open_.back()->value;
        if (const auto* fields = std::get_if<std::unique_ptr<JsonValue::Object>>(&parent))
            return (*fields)->back().second;
        return std::get<std::unique_ptr<JsonValue::List>>(parent)->emplace_back();
    }
    bool add(JsonValue value) {
        place() = std::move(value);
        return true;
    }
    bool open(JsonValue value) {
        if (open_.size() == kMaxDepth) throw FormFault{"JSON is nested deeper than a record"};
        JsonValue& here = place();
        here = std::move(value);
        open_.push_back(&here);
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    std::vector<JsonValue*> open_;  // from the root inwards
};

const JsonValue::Object& fields_of(const JsonValue& value, std::string_view what) {
    const auto* fields = std::get_if<std::unique_ptr<JsonValue::Object>>(&value.value);
    if (fields == nullptr) throw FormFault{fmt::format("{} is not a JSON object", what)};
    return **fields;
}

std::string quoted(std::string_view text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void refuse(std::string_view field, std::string_view why) {
    throw FormFault{fmt::format("field \"{}\" {}", field, why)};
}

const JsonValue::List& list_of(const JsonValue& value, std::string_view name) {
    const auto* items = std::get_if<std::unique_ptr<JsonValue::List>>(&value.value);
    if (items == nullptr) refuse(name, "is not an array");
    return **items;
}

std::int64_t integer_of(const JsonValue& value, std::string_view name, std::int64_t least) {
    const auto* natural = std::get_if<std::uint64_t>(&value.value);
    const auto* negative = std::get_if<std::int64_t>(&value.value);
    if (natural == nullptr && negative == nullptr) refuse(name, "is not a whole number");
    const bool is_too_large = natural != nullptr && *natural > INT64_MAX;
    const std::int64_t number =
        natural != nullptr ? static_cast<std::int64_t>(*natural) : *negative;
    if (is_too_large || number < least)
        refuse(name, fmt::format("is not between {} and 2^63-1", least));
    return number;
}

JsonValue parse_json(std::string_view text) {
    Builder builder;
    Json::sax_parse(text, &builder);
    return std::move(builder.root);
}

ObjectWriter& ObjectWriter::add(std::string_view name, std::string_view json) {
    fields_ += fields_.size() > 1 ? ",\"" : "\"";
    ((fields_ += name) += "\":") += json;
    return *this;
}

ObjectWriter& ObjectWriter::text(std::string_view name, std::string_view value) {
    return add(name, quoted(value));
}

ObjectWriter& ObjectWriter::natural(std::string_view name, std::uint64_t value) {
    return add(name, std::to_string(value));
}

ObjectWriter& ObjectWriter::integer(std::string_view name, std::int64_t value) {
    return add(name, std::to_string(value));
}

ObjectWriter& ObjectWriter::flag(std::string_view name, bool value) {
    return add(name, value ? "true" : "false");
}

ObjectWriter& ObjectWriter::numbers(std::string_view name,
                                    const std::vector<std::int64_t>& values) {
    std::vector<std::string> written;
    for (const std::int64_t value : values) written.push_back(std::to_string(value));
    return objects(name, written);
}

ObjectWriter& ObjectWriter::objects(std::string_view name,
                                    const std::vector<std::string>& written) {
    std::string list = "[";
    for (const std::string& item : written) {
        if (list.size() > 1) list += ',';
        list += item;
    }
    return add(name, list + ']');
}

FieldReader::FieldReader(const JsonValue& object, std::string_view what)
    : what_(what), fields_(fields_of(object, what)) {}

const JsonValue& FieldReader::field(std::string_view name) {
    const auto found = std::find_if(fields_.begin(), fields_.end(),
                                    [&](const auto& field) { return field.first == name; });
    if (found == fields_.end()) refuse(name, fmt::format("is missing from {}", what_));
    ++fields_read_;
    return found->second;
}

const JsonValue::List& FieldReader::list(std::string_view name) {
    return list_of(field(name), name);
}

const std::string& FieldReader::text(std::string_view name) {
    const auto* value = std::get_if<std::unique_ptr<std::string>>(&field(name).value);
    if (value == nullptr) refuse(name, "is not a string");
    return **value;
}

std::string FieldReader::key(std::string_view name) {
    std::string value = text(name);
    if (!is_valid_key(value)) refuse(name, "is not a valid bucket key");
    return value;
}

std::string FieldReader::name(std::string_view field_name) {
    std::string value = key(field_name);
    if (value.find('/') != std::string::npos) refuse(field_name, "has more than one part");
    return value;
}

std::string FieldReader::hex(std::string_view name, std::size_t digits) {
    std::string value = text(name);
    const bool is_hex = value.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (value.size() != digits || !is_hex)
        refuse(name, fmt::format("is not {} lower-case hex digits", digits));
    return value;
}

std::string FieldReader::sha256(std::string_view name, bool may_be_empty) {
    const std::size_t read_before = fields_read_;
    if (may_be_empty && text(name).empty()) return {};
    fields_read_ = read_before;
    return hex(name, kSha256Digits);
}

std::uint64_t FieldReader::natural(std::string_view name, std::uint64_t most) {
    const auto* number = std::get_if<std::uint64_t>(&field(name).value);
    if (number == nullptr) refuse(name, "is not a whole number from 0");
    if (*number > most) refuse(name, fmt::format("is above {}", most));
    return *number;
}

std::int64_t FieldReader::integer(std::string_view name, std::int64_t least) {
    return integer_of(field(name), name, least);
}

std::vector<std::int64_t> FieldReader::naturals(std::string_view name) {
    std::vector<std::int64_t> numbers;
    for (const JsonValue& number : list(name)) numbers.push_back(integer_of(number, name, 0));
    return numbers;
}

bool FieldReader::flag(std::string_view name) {
    const auto* value = std::get_if<bool>(&field(name).value);
    if (value == nullptr) refuse(name, "is neither true nor false");
    return *value;
}

void FieldReader::expect_no_more() const {
    if (fields_read_ != fields_.size())
        throw FormFault{fmt::format("{} has fields beyond those of the format", what_)};
}

}  // namespace dws
