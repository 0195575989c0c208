// dws: checkpoints and their deltas, a run's bucket, and the doorbell. One verb per file.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "base/stop_signal.h"
#include "configs/config.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
    return all;
}

// All that ring or hear.
std::string listeners(const KeysSection& keys) {
    std::vector<std::string> texts = keys.workers;
    texts.insert(texts.end(), keys.compactors.begin(), keys.compactors.end());
    if (!keys.trainer.empty()) texts.push_back(keys.trainer);
    return joined(texts);
}

std::string value_of(const Config& config, const std::string& key) {
    const std::map<std::string, std::string> values{
        {"bucket.uri", config.bucket.uri},
        {"run.name", config.run.name},
        {"doorbell.inside", config.doorbell.inside},
        {"doorbell.outside", config.doorbell.outside},
        {"keys.own", config.keys.own},
        {"keys.trainer", config.keys.trainer},
        {"keys.since", config.keys.since},
        {"keys.doorbell", config.keys.doorbell},
        {"keys.insecure", config.keys.insecure ? "true" : "false"},
        {"keys.workers", listeners(config.keys)},
        {"keys.compactors", joined(config.keys.compactors)},
    };
    return values.at(key);
}

// The flag's value wins over the experiment's.
void settle(const std::vector<Configurable>& configurable, const std::string& config_file) {
    const Config config = config_file.empty() ? Config{} : load_config(config_file, {});
    for (const auto& [value, flag, key, is_required] : configurable) {
        if (value->empty() && !config_file.empty()) *value = value_of(config, key);
        if (value->empty() && is_required)
            throw CLI::RequiredError(flag + ", or --config FILE with " + key + ",");
    }
}

// Also where the command line cannot be read as a whole.
bool wants_json(int argc, char** argv) {
    return std::find(argv, argv + argc, std::string("--json")) != argv + argc;
}

// CLI11 says no more than that a subcommand is missing.
void refuse_unknown_verb(const std::vector<Verb>& verbs, const std::string& word) {
    const bool is_known = std::any_of(verbs.begin(), verbs.end(), [&](const Verb& verb) {
        return verb.command->get_name() == word;
    });
    if (word.empty() || word.starts_with('-') || is_known) return;
    throw CLI::ParseError(word + " is no verb of dws; `dws --help` lists them",
                          CLI::ExitCodes::ExtrasError);
}

int run_main(int argc, char** argv) {
    CLI::App app("Delta weight sync: deltas between checkpoints, runs in a bucket, the doorbell");
    app.require_subcommand(1);
    std::vector<Verb> verbs;
    for (const auto add : {add_diff, add_patch, add_inspect, add_push, add_pull, add_log,
                           add_verify, add_compact, add_gc, add_keygen, add_rotate_key,
                           add_doorbell})
        verbs.push_back(add(app));
    std::string config_file;
    for (const Verb& verb : verbs)
        if (!verb.configurable.empty())
            verb.command
                ->add_option("--config", config_file, "The experiment, for what no flag says")
                ->type_name("FILE");
    try {
        refuse_unknown_verb(verbs, argc > 1 ? argv[1] : "");
        app.parse(argc, argv);
        for (const Verb& verb : verbs)
            if (verb.command->parsed()) settle(verb.configurable, config_file);
    } catch (const CLI::ParseError& error) {
        if (app.exit(error) == 0) return kExitOk;
        if (wants_json(argc, argv))
            print_line(json_line({{"ok", false}, {"problem", std::string(error.what())}}));
        return kExitUsage;
    }
    const StopSignal signal;
    for (const Verb& verb : verbs)
        if (verb.command->parsed()) return verb.run(signal.token());
    return kExitUsage;
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    try {
        return dws::run_main(argc, argv);
    } catch (const std::exception& error) {
        return dws::fail(error.what(), dws::wants_json(argc, argv));
    }
}
