// What must hold whatever a store answers, in XML, JSON and headers: nothing but valid keys, short
// printable sentences, sane times and addresses of the store itself gets out. A broken promise ends
// the program: the fuzzer keeps the input, the replay of the corpus fails.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/require.h"
#include "sync/bucket/bucket.h"
#include "sync/bucket/hub_tree.h"
#include "sync/bucket/retry_after.h"
#include "sync/bucket/s3_xml.h"

namespace dws {

inline void check_names(const std::vector<std::string>& keys,
                        const std::vector<std::string>& folders) {
    for (const std::string& key : keys) require(is_valid_key(key), "a key can be asked for");
    for (const std::string& folder : folders) {
        require(folder.ends_with('/'), "a folder ends with a slash");
        require(is_valid_key(folder.substr(0, folder.size() - 1)),
                "a folder is a key but for that");
    }
}

inline void check_sentence(const std::string& sentence, std::size_t most) {
    require(sentence.size() <= most, "what a store says has a limit");
    require(std::ranges::all_of(sentence, [](char letter) { return letter >= 32 && letter < 127; }),
            "what a store says can be printed");
}

inline bool fuzz_listing(std::string_view text) {
    const Result<S3ListPage> page = read_list_page(text);
    if (!page) {
        require(page.error().fault == Fault::transport, "half a listing is asked for again");
        return false;
    }
    check_names(page->keys, page->folders);
    require(page->next_token.size() <= 4'096, "a token has a limit");
    return true;
}

inline bool fuzz_refusal(std::string_view text) {
    const S3Refusal refusal = read_refusal(text);
    check_sentence(refusal.code, 64);
    check_sentence(refusal.message, 300);
    return !refusal.code.empty();
}

inline bool fuzz_upload(std::string_view text) {
    const Result<std::string> id = read_upload_id(text);
    require(!id || (!id->empty() && id->size() <= 4'096), "an upload's id has a limit");
    return bool(id) || is_completed_upload(text);
}

inline bool fuzz_hub_page(std::string_view text) {
    const Result<HubPage> page = read_hub_page(text);
    if (!page) {
        require(page.error().fault == Fault::transport, "half a listing is asked for again");
        return false;
    }
    check_names(page->files, page->folders);
    return true;
}

// True when the text is the value of a header that means something.
inline bool fuzz_header(std::string_view text) {
    constexpr double now_unix_s = 1.7e9;
    const double after_s = retry_after_s(text, now_unix_s);
    const double reset_s = rate_limit_reset_s(text);
    const double date_s = unix_s_of_http_date(text);
    for (const double time_s : {after_s, reset_s, date_s})
        require(std::isfinite(time_s) && time_s >= 0, "a time is a number");
    const std::string origin = "https://hub.example";
    const std::string next = next_page(text, origin);
    require(next.empty() || next.starts_with(origin + "/"), "a token goes to its hub alone");
    return after_s > 0 || reset_s > 0 || date_s > 0 || !next.empty();
}

// True when the bytes mean something to one of the readers.
inline bool fuzz_store_reply(std::span<const std::byte> input) {
    const std::string_view text = text_of(input);
    bool is_read = fuzz_listing(text);
    is_read |= fuzz_refusal(text);
    is_read |= fuzz_upload(text);
    is_read |= fuzz_hub_page(text);
    is_read |= fuzz_header(text);
    return is_read;
}

}  // namespace dws
