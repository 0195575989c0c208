#include <yaml-cpp/yaml.h>

#include <set>
#include <stdexcept>

#include "configs/setting.h"

namespace dws {
namespace {

// Sections nest two deep; aliases let a short file describe a tree without end.
constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxSettings = 1000;

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
        Setting setting{Setting::Kind::nothing, "", origin(name)};
        if (value.IsSequence()) setting.kind = Setting::Kind::list;
        if (value.IsScalar()) {
            setting.kind = Setting::Kind::text;
            setting.text = value.Scalar();
        }
        if (!settings_.emplace(key, setting).second) refuse_repeated(name, key);
    }

    [[noreturn]] void refuse_repeated(const YAML::Node& name, const std::string& key) const {
        throw std::runtime_error(origin(name) + ": key '" + key + "' stands twice; keep one");
    }

    std::string origin(const YAML::Node& node) const {
        return file_ + ":" + std::to_string(node.Mark().line + 1);
    }

    const std::string file_;
    Settings settings_;
};

}  // namespace

Settings read_yaml(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file))
        throw std::runtime_error("no config file " + file.string() + "; name one with --config");
    if (std::filesystem::is_directory(file))
        throw std::runtime_error(file.string() + " is a folder; name a YAML file with --config");
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAllFromFile(file.string());
        if (documents.empty()) return {};
        if (documents.size() > 1)
            throw std::runtime_error(file.string() + ": several documents; remove the '---'");
        return Flattener(file.string()).flatten(documents.front());
    } catch (const YAML::BadFile&) {
        throw std::runtime_error("cannot read config file " + file.string());
    } catch (const YAML::Exception& error) {
        throw std::runtime_error(file.string() + ":" + std::to_string(error.mark.line + 1) +
                                 ": not YAML: " + error.msg);
    }
}

}  // namespace dws
