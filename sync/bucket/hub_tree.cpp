#include "sync/bucket/hub_tree.h"

#include <algorithm>

#include "sync/bucket/bucket.h"
#include "sync/strict_json.h"

namespace dws {

namespace {

using List = std::unique_ptr<JsonValue::List>;
using Object = std::unique_ptr<JsonValue::Object>;
using Text = std::unique_ptr<std::string>;

std::string text_of(const JsonValue::Object& object, std::string_view name) {
    for (const auto& [field, value] : object) {
        const Text* text = std::get_if<Text>(&value.value);
        if (field == name && text != nullptr) return **text;
    }
    return "";
}

void add_entry(const JsonValue::Object& entry, HubPage& page) {
    std::string path = text_of(entry, "path");
    const std::string type = text_of(entry, "type");
    if (!is_valid_key(path)) return;
    if (type == "file") page.files.push_back(std::move(path));
    if (type == "directory") page.folders.push_back(path + "/");
}

}  // namespace

Result<HubPage> read_hub_page(std::string_view json) try {
    const JsonValue parsed = parse_json(json);
    const List* entries = std::get_if<List>(&parsed.value);
    if (entries == nullptr) return Error{Fault::transport, "the listing that came is not a list"};
    HubPage page;
    for (const JsonValue& entry : **entries)
        if (const Object* object = std::get_if<Object>(&entry.value)) add_entry(**object, page);
    return page;
} catch (const FormFault& fault) {
    return Error{Fault::transport, "the listing that came is not JSON: " + fault.detail};
}

std::string next_page(std::string_view link, const std::string& origin) {
    const std::size_t start = link.find('<');
    const std::size_t end = link.find('>');
    if (start == std::string_view::npos || end == std::string_view::npos || end < start) return "";
    if (link.substr(end).find("rel=\"next\"") == std::string_view::npos) return "";
    const std::string_view url = link.substr(start + 1, end - start - 1);
    if (url.starts_with('/')) return origin + std::string(url);
    return url.starts_with(origin + "/") ? std::string(url) : "";
}

}  // namespace dws
