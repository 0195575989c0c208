// The XML that S3 stores answer with, as far as it is needed. Everything in it is foreign: nothing
// is believed but its text, and no text but valid keys, short words and sentences gets out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace dws {

inline constexpr std::size_t kMostXmlBytes = 8u << 20;  // a page of 1,000 keys of 1,024 letters,
                                                        // each encoded threefold, is half of it

// One page of a listing. Keys that are not valid are left out: no call could ask for them.
struct S3ListPage {
    std::vector<std::string> keys;     // whole, with the bucket's prefix
    std::vector<std::string> folders;  // common prefixes, each with '/' at its end
    std::string next_token;            // of the next page; empty: there is none
};

// Fault::transport: it is not a whole listing, so another try may bring one.
Result<S3ListPage> read_list_page(std::string_view xml);

// What a refusal says: "NoSuchKey", and a sentence for people. Empty where it says nothing; what
// else stands there may repeat what was sent, signature and all, and is left.
struct S3Refusal {
    std::string code;
    std::string message;
};
S3Refusal read_refusal(std::string_view xml);

// The id of a multipart upload that was begun; Fault::transport when there is none.
Result<std::string> read_upload_id(std::string_view xml);

// Whether the answer to the completion of a multipart upload says that it was. A store that takes
// long sends its status before it knows.
bool is_completed_upload(std::string_view xml);

}  // namespace dws
