#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "sync/bucket/bucket.h"
#include "sync/tool/verbs.h"

namespace dws {
namespace {

// Empty: it can begin a bucket's keys.
std::string fault_of_run(const std::string& run) {
    if (is_valid_key(run)) return {};
    return fmt::format(
        "\"{}\" is no run's name: letters, digits, '.', '_' and '-', with '/' between names", run);
}

}  // namespace

std::vector<Configurable> add_run_place(CLI::App& verb, RunPlace& place) {
    verb.add_option("--bucket", place.bucket, "The bucket: a folder, or file:///folder");
    verb.add_option("--run", place.run, "The run's name: what its keys begin with")
        ->check(CLI::Validator(fault_of_run, ""));
    return {{&place.bucket, "--bucket", "bucket.uri"}, {&place.run, "--run", "run.name"}};
}

}  // namespace dws
