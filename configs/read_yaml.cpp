#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "configs/setting.h"

namespace dws {
namespace {

// Sections nest two deep; aliases let a short file describe a tree without end.
constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxSettings = 1000;
constexpr std::size_t kMaxItems = 10'000;       // of a list: a run's workers, many times over
constexpr std::size_t kMaxFileBytes = 1 << 20;  // a hundred thousand lines
// How private keys begin: ours, and those in PEM.
constexpr std::array<std::string_view, 2> kPrivate{"dws-secret-", "PRIVATE KEY--"};

// Takes a document's events and keeps none.
class Deaf : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

// yaml-cpp's own loop over documents never ends, and takes memory for each round, when a ',' or a
// closing bracket stands outside of any: it makes nothing of it and does not pass it either.
void refuse_more_documents(const std::string& yaml, const std::string& file) {
    std::istringstream stream(yaml);
    YAML::Parser parser(stream);
    Deaf deaf;
    if (!parser.HandleNextDocument(deaf) || !parser.HandleNextDocument(deaf)) return;
    if (yaml.find("---") != std::string::npos)
        throw std::runtime_error(file + ": several documents; remove the '---'");
    throw std::runtime_error(file + ": not YAML: a ',' or a bracket stands outside of any section");
}

class Flattener {
public:
    explicit Flattener(std::string file) : file_(std::move(file)) {}

    Settings flatten(const YAML::Node& document) {
        if (document.IsMap()) add_section("", document, 0);
        if (document.IsScalar() || document.IsSequence())
            throw std::runtime_error(origin(document) +
                                     ": expected sections, 'name:' and keys below");
        return std::move(settings_);
    }

private:
    void add_section(const std::string& prefix, const YAML::Node& section, int depth) {
        std::set<std::string> names;
        for (const auto& pair : section) {
            const YAML::Node& name = pair.first;
            if (!name.IsScalar())
                throw std::runtime_error(origin(name) + ": a key that is no word");
            const std::string key = prefix + name.Scalar();
            if (!names.insert(name.Scalar()).second) refuse_repeated(name, key);
            add(key, name, pair.second, depth + 1);
        }
    }

    void add(const std::string& key, const YAML::Node& name, const YAML::Node& value, int depth) {
        if (depth > kMaxDepth || settings_.size() == kMaxSettings)
            throw std::runtime_error(origin(name) + ": " + key + ": nested too deep or too long");
        if (value.IsMap() && value.size() > 0) return add_section(key + ".", value, depth);
        Setting setting{Setting::Kind::nothing, "", {}, origin(name)};
        if (value.IsSequence()) {
            setting.kind = Setting::Kind::list;
            if (value.size() > kMaxItems)
                throw std::runtime_error(setting.origin + ": " + key + ": a list too long");
            for (const YAML::Node& item : value) {
                if (!item.IsScalar())
                    throw std::runtime_error(origin(item) + ": " + key +
                                             ": expected a list of texts");
                setting.items.push_back(counted(item));
            }
        }
        if (value.IsScalar()) {
            setting.kind = Setting::Kind::text;
            setting.text = counted(value);
        }
        if (!settings_.emplace(key, setting).second) refuse_repeated(name, key);
    }

    // Aliases can say one text many times: all of them together fit into a file without any.
    std::string counted(const YAML::Node& scalar) {
        bytes_ += scalar.Scalar().size();
        if (bytes_ > kMaxFileBytes)
            throw std::runtime_error(origin(scalar) + ": aliases say more than 1 MiB");
        return scalar.Scalar();
    }

    [[noreturn]] void refuse_repeated(const YAML::Node& name, const std::string& key) const {
        throw std::runtime_error(origin(name) + ": key '" + key + "' stands twice; keep one");
    }

    std::string origin(const YAML::Node& node) const {
        return file_ + ":" + std::to_string(node.Mark().line + 1);
    }

    const std::string file_;
    std::size_t bytes_ = 0;  // of all texts
    Settings settings_;
};

}  // namespace

void refuse_private_key(const std::string& text, const std::string& origin) {
    for (const std::string_view mark : kPrivate) {
        if (text.find(mark) == std::string::npos) continue;
        throw std::runtime_error(origin +
                                 ": a PRIVATE key stands here, where others read it: make another "
                                 "pair with `dws keygen`, name its file under keys.own, and "
                                 "forget this one");
    }
}

std::string read_text(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        throw std::runtime_error("no config file " + file.string() + "; name one with --config");
    if (std::filesystem::is_directory(file))
        throw std::runtime_error(file.string() + " is a folder; name a YAML file with --config");
    std::string text(kMaxFileBytes + 1, '\0');
    std::ifstream stream(file, std::ios::binary);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad() || !(stream || stream.eof()))
        throw std::runtime_error("cannot read config file " + file.string());
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kMaxFileBytes)
        throw std::runtime_error(file.string() + ": more than 1 MiB is no experiment");
    return text;
}

Settings parse_yaml(const std::string& yaml, const std::string& file) {
    refuse_private_key(yaml, file);  // a comment is read by others as well
    try {
        refuse_more_documents(yaml, file);
        return Flattener(file).flatten(YAML::Load(yaml));
    } catch (const YAML::Exception& error) {
        throw std::runtime_error(file + ":" + std::to_string(error.mark.line + 1) +
                                 ": not YAML: " + error.msg);
    }
}

}  // namespace dws
