// JSON in one form, as log records and jumps use it: objects with a fixed order of fields, texts,
// whole numbers, truth values and lists; nothing optional, nothing repeated, nothing unknown.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dws {

// The first thing that is not as it must be. Thrown while reading; open_envelope() catches it.
struct FormFault {
    std::string detail;
};

[[noreturn]] void refuse(std::string_view field, std::string_view why);

// 16 bytes each: a hostile record may hold millions of numbers.
struct JsonValue {
    using List = std::vector<JsonValue>;
    using Object = std::vector<std::pair<std::string, JsonValue>>;

    // Nothing: null or a fraction, which no field has.
    std::variant<std::monostate, bool, std::uint64_t, std::int64_t, std::unique_ptr<std::string>,
                 std::unique_ptr<List>, std::unique_ptr<Object>>
        value;
};

// Throws FormFault: not JSON, or nested deeper or with more fields in an object than any of ours.
JsonValue parse_json(std::string_view text);

// Writes one object, fields in the order of the calls. Text that is not UTF-8 is replaced, so that
// it becomes something no reader takes.
class ObjectWriter {
public:
    ObjectWriter& text(std::string_view name, std::string_view value);
    ObjectWriter& natural(std::string_view name, std::uint64_t value);
    ObjectWriter& integer(std::string_view name, std::int64_t value);
    ObjectWriter& flag(std::string_view name, bool value);
    ObjectWriter& numbers(std::string_view name, const std::vector<std::int64_t>& values);
    ObjectWriter& objects(std::string_view name, const std::vector<std::string>& written);

    std::string str() const { return fields_ + '}'; }

private:
    ObjectWriter& add(std::string_view name, std::string_view json);

    std::string fields_ = "{";
};

// What an element of a list is; `name` is the list's. Throw FormFault.
const JsonValue::List& list_of(const JsonValue& value, std::string_view name);
std::int64_t integer_of(const JsonValue& value, std::string_view name, std::int64_t least);

// Reads the fields of one object; each exactly once, none besides. All throw FormFault.
class FieldReader {
public:
    // object is not owned and outlives this.
    FieldReader(const JsonValue& object, std::string_view what);

    const JsonValue::List& list(std::string_view name);
    const std::string& text(std::string_view name);
    std::string key(std::string_view name);
    // A key of one part: something that becomes one folder or stands in a message.
    std::string name(std::string_view field_name);
    std::string hex(std::string_view name, std::size_t digits);
    // may_be_empty: where there is nothing to name yet.
    std::string sha256(std::string_view name, bool may_be_empty = false);
    std::uint64_t natural(std::string_view name, std::uint64_t most);
    std::int64_t integer(std::string_view name, std::int64_t least);
    std::vector<std::int64_t> naturals(std::string_view name);  // a list of them
    bool flag(std::string_view name);
    void expect_no_more() const;

private:
    const JsonValue& field(std::string_view name);

    const std::string_view what_;
    const JsonValue::Object& fields_;
    std::size_t fields_read_ = 0;
};

}  // namespace dws
