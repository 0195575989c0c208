#include "sync/bucket/s3_xml.h"

#include <pugixml.hpp>

#include <algorithm>
#include <optional>

#include "sync/bucket/bucket.h"
#include "sync/bucket/percent.h"

namespace dws {

namespace {

constexpr std::size_t kMostCode = 64;
constexpr std::size_t kMostMessage = 300;
constexpr std::size_t kMostToken = 4'096;

// pugixml knows no entities but XML's own five, so a document cannot grow while it is read.
std::optional<pugi::xml_document> parse(std::string_view xml) {
    std::optional<pugi::xml_document> document;
    if (xml.size() > kMostXmlBytes) return document;
    document.emplace();
    if (!document->load_buffer(xml.data(), xml.size(), pugi::parse_default)) document.reset();
    return document;
}

std::string text_of_child(const pugi::xml_node& node, const char* name) {
    return node.child_value(name);
}

std::string printable(std::string text, std::size_t most) {
    if (text.size() > most) text.resize(most);
    std::ranges::replace_if(
        text, [](unsigned char letter) { return letter < 0x20 || letter > 0x7e; }, '?');
    return text;
}

// Nothing when the key is none that a call could name.
std::optional<std::string> key_of(const std::string& text, bool is_encoded, bool is_folder) {
    const std::optional<std::string> key =
        is_encoded ? percent_decode(text) : std::optional<std::string>(text);
    if (!key || (is_folder && !key->ends_with('/'))) return std::nullopt;
    const std::string_view names(key->data(), key->size() - (is_folder ? 1 : 0));
    return is_valid_key(names) ? key : std::nullopt;
}

}  // namespace

Result<S3ListPage> read_list_page(std::string_view xml) {
    const Error not_whole{Fault::transport, "the listing that came is not whole"};
    const auto document = parse(xml);
    if (!document) return not_whole;
    const pugi::xml_node root = document->child("ListBucketResult");
    const std::string is_truncated = text_of_child(root, "IsTruncated");
    if (is_truncated != "true" && is_truncated != "false") return not_whole;
    const bool is_encoded = text_of_child(root, "EncodingType") == "url";
    S3ListPage page;
    for (const pugi::xml_node& each : root.children("Contents"))
        if (auto key = key_of(text_of_child(each, "Key"), is_encoded, false))
            page.keys.push_back(std::move(*key));
    for (const pugi::xml_node& each : root.children("CommonPrefixes"))
        if (auto folder = key_of(text_of_child(each, "Prefix"), is_encoded, true))
            page.folders.push_back(std::move(*folder));
    if (is_truncated == "false") return page;
    page.next_token = text_of_child(root, "NextContinuationToken");
    if (page.next_token.empty() || page.next_token.size() > kMostToken) return not_whole;
    return page;
}

S3Refusal read_refusal(std::string_view xml) {
    const auto document = parse(xml);
    if (!document) return {};
    pugi::xml_node error = document->child("Error");
    if (!error) error = document->child("ErrorResponse").child("Error");
    return {printable(text_of_child(error, "Code"), kMostCode),
            printable(text_of_child(error, "Message"), kMostMessage)};
}

Result<std::string> read_upload_id(std::string_view xml) {
    const auto document = parse(xml);
    std::string id =
        document ? text_of_child(document->child("InitiateMultipartUploadResult"), "UploadId") : "";
    if (id.empty() || id.size() > kMostToken)
        return Error{Fault::transport, "the upload that was begun has no id"};
    return id;
}

bool is_completed_upload(std::string_view xml) {
    const auto document = parse(xml);
    return document && document->child("CompleteMultipartUploadResult");
}

}  // namespace dws
