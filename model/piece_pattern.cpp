#include "model/piece_pattern.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <new>
#include <stdexcept>
#include <utility>

namespace dws {
namespace {

// A match tries at most so many ways, in so much memory: Qwen's pattern takes one step for each
// space of a run, and no memory worth the name.
constexpr std::uint32_t kMatchStepsMax = 10'000'000;
constexpr std::uint32_t kMatchKibibytesMax = 64u << 10;

struct FreeCode {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeContext {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeMatch {
    void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};

std::string message_of(int error) {
    std::array<PCRE2_UCHAR, 256> text{};
    pcre2_get_error_message(error, text.data(), text.size());
    return reinterpret_cast<const char*>(text.data());
}

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

std::string with_white_space_property(std::string_view pattern) {
    std::string spelled;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '\\' || i + 1 == pattern.size()) {
            spelled += pattern[i];
            continue;
        }
        const char escaped = pattern[++i];
        if (escaped == 's') {
            spelled += "\\p{White_Space}";
        } else if (escaped == 'S') {
            spelled += "\\P{White_Space}";
        } else {
            spelled += {'\\', escaped};
        }
    }
    return spelled;
}

// The start of the next code point, from within valid UTF-8.
std::size_t after_code_point(std::string_view text, std::size_t position) {
    ++position;
    while (position < text.size() && (static_cast<unsigned char>(text[position]) & 0xc0) == 0x80)
        ++position;
    return position;
}

}  // namespace

struct PiecePattern::Code {
    std::unique_ptr<pcre2_code, FreeCode> code;
    std::unique_ptr<pcre2_match_context, FreeContext> limits;

    static std::unique_ptr<const Code> compile(std::string_view pattern,
                                               const std::string& origin) {
        const std::string spelled = with_white_space_property(pattern);
        int error = 0;
        PCRE2_SIZE at = 0;
        auto made = std::make_unique<Code>();
        made->code.reset(pcre2_compile(bytes_of(spelled), spelled.size(),
                                       PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at,
                                       nullptr));
        if (!made->code)
            throw std::runtime_error(
                fmt::format("{}: {} at byte {}, with every \\s as \\p{{White_Space}}", origin,
                            message_of(error), at));
        made->limits.reset(pcre2_match_context_create(nullptr));
        if (!made->limits) throw std::bad_alloc();
        pcre2_set_match_limit(made->limits.get(), kMatchStepsMax);
        pcre2_set_heap_limit(made->limits.get(), kMatchKibibytesMax);
        return made;
    }
};

PiecePattern::PiecePattern(std::string_view pattern, std::string origin)
    : origin_(std::move(origin)), code_(Code::compile(pattern, origin_)) {}

PiecePattern::~PiecePattern() = default;

std::vector<std::string_view> PiecePattern::cut(std::string_view text) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
    if (!match) throw std::bad_alloc();
    const PCRE2_SIZE* found = pcre2_get_ovector_pointer(match.get());

    std::vector<std::string_view> pieces;
    std::size_t cut_to = 0;  // what stands before is in a piece
    for (std::size_t from = 0; from < text.size();) {
        const int matches = pcre2_match(code_->code.get(), bytes_of(text), text.size(), from,
                                        PCRE2_NO_UTF_CHECK, match.get(), code_->limits.get());
        if (matches == PCRE2_ERROR_NOMATCH) break;
        if (matches < 0)
            throw std::runtime_error(fmt::format("{}: {}", origin_, message_of(matches)));
        const std::size_t begin = found[0], end = found[1];
        if (end <= begin || begin < cut_to) {  // it matched nothing, or what is cut already
            from = after_code_point(text, from);
            continue;
        }
        if (begin > cut_to) pieces.push_back(text.substr(cut_to, begin - cut_to));
        pieces.push_back(text.substr(begin, end - begin));
        from = cut_to = end;
    }
    if (cut_to < text.size()) pieces.push_back(text.substr(cut_to));
    return pieces;
}

}  // namespace dws
