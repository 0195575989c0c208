// dws: looks after the bucket of a run. One verb per file.
#include <CLI/CLI.hpp>
#include <exception>
#include <optional>
#include <string>

#include "base/stop_signal.h"
#include "configs/config.h"
#include "sync/tool/output.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

void add_config(CLI::App& verb, std::string& config) {
    verb.add_option("--config", config, "The experiment, for what no flag says")->type_name("FILE");
}

void add_bucket_and_run(CLI::App& verb, std::string& bucket, std::string& run) {
    verb.add_option("--bucket", bucket, "The bucket: a folder, or file:///folder");
    verb.add_option("--run", run, "The run's name: what its keys begin with");
}

// The flag's value wins over the experiment's (null: none was given).
void settle(std::string& value, const std::string* configured, const std::string& flag,
            const std::string& key) {
    if (value.empty() && configured != nullptr) value = *configured;
    if (value.empty()) throw CLI::RequiredError(flag + ", or --config FILE with " + key + ",");
}

void settle_bucket_and_run(std::string& bucket, std::string& run,
                           const std::optional<Config>& config) {
    settle(bucket, config ? &config->bucket.uri : nullptr, "--bucket", "bucket.uri");
    settle(run, config ? &config->run.name : nullptr, "--run", "run.name");
}

void settle_endpoints(DoorbellOptions& options, const std::optional<Config>& config) {
    settle(options.inside, config ? &config->doorbell.inside : nullptr, "--inside",
           "doorbell.inside");
    settle(options.outside, config ? &config->doorbell.outside : nullptr, "--outside",
           "doorbell.outside");
}

CLI::App* add_doorbell(CLI::App& app, DoorbellOptions& options) {
    CLI::App* verb = app.add_subcommand(
        "doorbell", "Pass rings on from those who publish to those who listen, until stopped");
    verb->add_option("--inside", options.inside, "Where ringers connect: tcp://host:port");
    verb->add_option("--outside", options.outside, "Where listeners connect: tcp://host:port");
    verb->add_option("--events", options.events, "Append its events to this file, as JSON lines")
        ->type_name("FILE");
    verb->add_option("--drop", options.faults.drop, "Share of rings lost on purpose, 0 to 1")
        ->check(CLI::Range(0.0, 1.0));
    verb->add_option("--repeat", options.faults.repeat, "Share of rings sent twice, 0 to 1")
        ->check(CLI::Range(0.0, 1.0));
    verb->add_option("--delay-ms", options.faults.delay_ms,
                     "Each ring waits a random time up to this, so order is lost")
        ->check(CLI::Range(0.0, 3'600'000.0));
    verb->add_option("--seed", options.faults.seed,
                     "Of the faults: the same seed, the same faults");
    return verb;
}

CLI::App* add_log(CLI::App& app, LogOptions& options) {
    CLI::App* verb = app.add_subcommand("log", "Print the records of a run, one per line");
    add_bucket_and_run(*verb, options.bucket, options.run);
    verb->add_flag("--json", options.is_json, "One JSON object per line");
    verb->add_flag("--follow", options.is_follow, "Wait for more records until stopped");
    return verb;
}

CLI::App* add_verify(CLI::App& app, VerifyOptions& options) {
    CLI::App* verb = app.add_subcommand(
        "verify", "Rebuild every version of a run from its objects and check all of it");
    add_bucket_and_run(*verb, options.bucket, options.run);
    verb->add_flag("--json", options.is_json, "The result as one JSON object");
    return verb;
}

int run_main(int argc, char** argv) {
    CLI::App app("Delta weight sync: what is in a run's bucket, and the doorbell");
    app.require_subcommand(1);
    DoorbellOptions doorbell;
    LogOptions log;
    VerifyOptions verify;
    CLI::App* doorbell_verb = add_doorbell(app, doorbell);
    CLI::App* log_verb = add_log(app, log);
    CLI::App* verify_verb = add_verify(app, verify);
    std::string config_file;
    for (CLI::App* verb : {doorbell_verb, log_verb, verify_verb}) add_config(*verb, config_file);
    try {
        app.parse(argc, argv);
        std::optional<Config> config;
        if (!config_file.empty()) config = load_config(config_file, {});
        if (doorbell_verb->parsed()) settle_endpoints(doorbell, config);
        if (log_verb->parsed()) settle_bucket_and_run(log.bucket, log.run, config);
        if (verify_verb->parsed()) settle_bucket_and_run(verify.bucket, verify.run, config);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    const StopSignal signal;
    if (doorbell_verb->parsed()) return run_doorbell(doorbell, signal.token());
    if (log_verb->parsed()) return run_log(log, signal.token());
    return run_verify(verify, signal.token());
}

}  // namespace
}  // namespace dws

int main(int argc, char** argv) {
    try {
        return dws::run_main(argc, argv);
    } catch (const std::exception& error) {
        dws::print_error(error.what());
        return dws::kExitProblem;
    }
}
