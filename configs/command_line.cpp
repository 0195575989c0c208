#include "configs/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/require.h"

namespace dws {
namespace {

constexpr int kExitBadCommandLine = 2;
constexpr int kExitFailed = 1;

// One line, whatever the text holds: what is printed here is read by log collectors too.
void complain(const std::string& program, std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::fprintf(stderr, "%s: %s\n", program.c_str(), text.c_str());
}

void add_flag(CLI::App& app, const ExtraFlag& flag) {
    require((flag.is_set == nullptr) != (flag.value == nullptr), "a flag is a switch or a value");
    if (flag.is_set != nullptr) app.add_flag(flag.name, *flag.is_set, flag.help);
    if (flag.value != nullptr)
        app.add_option(flag.name, *flag.value, flag.help)->type_name("VALUE");
}

}  // namespace

int run_main(int argc, char** argv, const std::string& description,
             const std::vector<ExtraFlag>& flags, const std::function<int(const Config&)>& body) {
    const std::string program = std::filesystem::path(argv[0]).filename();
    std::string file;
    std::vector<std::string> overrides;
    try {
        CLI::App app{description, program};
        app.set_help_flag("--help", "Print this and exit");
        app.add_option("--config", file, "The experiment")->required()->type_name("FILE");
        app.add_option("--set", overrides, "Override a key of the file; may be repeated")
            ->type_name("KEY=VALUE")
            ->allow_extra_args(false);
        for (const ExtraFlag& flag : flags) add_flag(app, flag);
        try {
            app.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            std::fputs(app.help().c_str(), stdout);
            return 0;
        }
    } catch (const CLI::Error& error) {
        complain(program, std::string(error.what()) + "; see --help");
        return kExitBadCommandLine;
    }
    try {
        return body(load_config(file, overrides));
    } catch (const std::exception& error) {
        complain(program, error.what());
        return kExitFailed;
    }
}

}  // namespace dws
