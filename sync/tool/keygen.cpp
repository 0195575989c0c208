#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/bytes.h"
#include "base/identity.h"
#include "sync/bucket/file_descriptor.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

struct Options {
    std::string name;
    bool is_json = false;
};

// 0, or an errno; a file that is there is not touched.
int write_public(const std::filesystem::path& file, const std::string& text) {
    FileDescriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!opened.is_open()) return errno;
    const int error = write_all(opened.number(), bytes_of(text + "\n"));
    return error != 0 || opened.close() ? error : errno;
}

int run(const Options& options) {
    const std::filesystem::path key_file = options.name + ".key";
    const std::filesystem::path public_file = options.name + ".pub";
    for (const std::filesystem::path& file : {key_file, public_file})
        if (std::filesystem::exists(file))
            return fail(fmt::format("{} is there already and stays as it is; choose another NAME",
                                    file.string()),
                        options.is_json);
    const Identity identity = Identity::generate();
    identity.write_new(key_file);
    if (const int error = write_public(public_file, identity.shared().text())) {
        std::filesystem::remove(key_file);
        return fail(fmt::format("{}: {}", public_file.string(), std::strerror(error)),
                    options.is_json);
    }
    print_line(options.is_json ? json_line({{"ok", true},
                                            {"key_file", key_file.string()},
                                            {"public_file", public_file.string()},
                                            {"public", identity.shared().text()},
                                            {"id", identity.shared().id()}})
                               : identity.shared().text());
    return kExitOk;
}

}  // namespace

Verb add_keygen(CLI::App& app) {
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("keygen", "Make a key pair: NAME.key and NAME.pub");
    verb->footer(
        "NAME.key is private: it stays on the machine of the process whose it is (keys.own, "
        "--key)\n"
        "and is never sent. What is printed, and stands in NAME.pub, is what others put into "
        "their\n"
        "config to know that process by. One pair signs (Ed25519) and encrypts messages (X25519).");
    verb->add_option("NAME", options->name, "Path of the two files, without their endings")
        ->required();
    verb->add_flag("--json", options->is_json, "The result as one JSON object");
    return {verb, {}, [options](std::stop_token) { return run(*options); }};
}

}  // namespace dws
