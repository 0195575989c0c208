#include "sync/bucket/credentials.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

namespace dws {

namespace {

namespace fs = std::filesystem;
using Section = std::map<std::string, std::string>;

// These files are a few lines; whatever is longer is not one of them.
constexpr std::size_t kMostFileBytes = 1u << 20;

std::string trimmed(const std::string& text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string::npos) return "";
    return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

fs::path home_file(const Environment& environment, const char* name) {
    const std::string home = environment("HOME");
    return home.empty() ? fs::path() : fs::path(home) / name;
}

std::optional<std::string> read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (file.empty() || !in) return std::nullopt;
    std::string text(kMostFileBytes, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

// The settings below "[title]"; nothing when there is no such title. A line that begins with white
// space belongs to a nested setting, of which none is needed here.
std::optional<Section> read_section(const fs::path& file, const std::string& title) {
    const std::optional<std::string> text = read_text(file);
    if (!text) return std::nullopt;
    std::optional<Section> section;
    bool is_inside = false;
    for (std::size_t start = 0; start < text->size();) {
        const std::size_t end = std::min(text->find('\n', start), text->size());
        const std::string line = text->substr(start, end - start);
        start = end + 1;
        const std::string content = trimmed(line);
        if (content.empty() || content[0] == '#' || content[0] == ';') continue;
        if (content.front() == '[' && content.back() == ']') {
            is_inside = trimmed(content.substr(1, content.size() - 2)) == title;
            if (is_inside && !section) section.emplace();
        } else if (const std::size_t equals = content.find('=');
                   is_inside && equals != std::string::npos && line[0] != ' ' && line[0] != '\t') {
            section->insert_or_assign(trimmed(content.substr(0, equals)),
                                      trimmed(content.substr(equals + 1)));
        }
    }
    return section;
}

std::string setting(const Section& section, const std::string& name) {
    const auto found = section.find(name);
    return found == section.end() ? "" : found->second;
}

std::string profile_name(const Environment& environment) {
    const std::string profile = environment("AWS_PROFILE");
    return profile.empty() ? "default" : profile;
}

fs::path file_of(const Environment& environment, const char* variable, const char* usual) {
    const std::string named = environment(variable);
    return named.empty() ? home_file(environment, usual) : fs::path(named);
}

std::optional<Credentials> credentials_of(const std::string& id, const std::string& secret,
                                          const std::string& token, const std::string& place) {
    if (id.empty() && secret.empty()) return std::nullopt;
    if (id.empty() || secret.empty())
        throw std::runtime_error(fmt::format("{} has only one half of the key pair: {} is missing",
                                             place, id.empty() ? "the id" : "the secret"));
    return Credentials{Secret(id), Secret(secret), Secret(token)};
}

void replace_all(std::string& text, const std::string& what) {
    constexpr std::size_t kTooShortToTell = 4;
    if (what.size() < kTooShortToTell) return;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 3))
        text.replace(at, what.size(), "***");
}

}  // namespace

Secret::~Secret() { OPENSSL_cleanse(text_.data(), text_.size()); }

std::string Credentials::scrubbed(std::string text) const {
    for (const Secret* each : {&secret_key, &session_token, &access_key_id})
        replace_all(text, each->reveal());
    return text;
}

std::optional<Credentials> find_credentials(const Environment& environment) {
    if (auto found = credentials_of(
            environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
            environment("AWS_SESSION_TOKEN"), "the environment (AWS_ACCESS_KEY_ID, ...)"))
        return found;
    const fs::path file = file_of(environment, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    const std::string profile = profile_name(environment);
    const std::optional<Section> section = read_section(file, profile);
    if (!section) {
        if (environment("AWS_PROFILE").empty()) return std::nullopt;
        throw std::runtime_error(
            fmt::format("AWS_PROFILE names [{}], which {} does not have", profile, file.string()));
    }
    return credentials_of(setting(*section, "aws_access_key_id"),
                          setting(*section, "aws_secret_access_key"),
                          setting(*section, "aws_session_token"),
                          fmt::format("profile [{}] of {}", profile, file.string()));
}

Secret find_hub_token(const Environment& environment) {
    if (const std::string token = environment("HF_TOKEN"); !token.empty()) return Secret(token);
    const std::string home = environment("HF_HOME");
    const fs::path file = home.empty() ? home_file(environment, ".cache/huggingface/token")
                                       : fs::path(home) / "token";
    return Secret(trimmed(read_text(file).value_or("")));
}

std::string profile_setting(const Environment& environment, const std::string& name) {
    const std::string profile = profile_name(environment);
    const std::optional<Section> section =
        read_section(file_of(environment, "AWS_CONFIG_FILE", ".aws/config"),
                     profile == "default" ? profile : "profile " + profile);
    return section ? setting(*section, name) : "";
}

}  // namespace dws
