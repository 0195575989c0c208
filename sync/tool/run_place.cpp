#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>

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
    verb.add_option("--bucket", place.bucket,
                    "The bucket: a folder, s3://BUCKET/PREFIX?endpoint=URL or\n"
                    "hf://buckets/NAMESPACE/NAME/PREFIX");
    verb.add_option("--run", place.run, "The run's name: what its keys begin with")
        ->check(CLI::Validator(fault_of_run, ""));
    verb.add_option("--trust", place.log_key,
                    "Believe only what this key signed: its public text, as `dws keygen` prints it")
        ->type_name("TEXT");
    verb.add_option("--since", place.since,
                    "After a leak: believe the log up to this record, --trust signed those after "
                    "it; SEQUENCE:SHA256, the \"name\" that `dws log --json` prints")
        ->type_name("TEXT");
    verb.add_option("--trust-jumps", place.jump_keys,
                    "Public texts of compactors whose jumps count, with ',' between them")
        ->type_name("TEXT");
    return {{&place.bucket, "--bucket", "bucket.uri"},
            {&place.run, "--run", "run.name"},
            {&place.log_key, "--trust", "keys.trainer", false},
            {&place.since, "--since", "keys.since", false},
            {&place.jump_keys, "--trust-jumps", "keys.compactors", false}};
}

Trust trust_of(const RunPlace& place) {
    TrustTexts texts{
        .log = place.log_key, .since = place.since, .jumps = {}, .games = {}, .memory = {}};
    std::istringstream keys(place.jump_keys);
    for (std::string key; std::getline(keys, key, ',');) texts.jumps.push_back(key);
    return trust_from(texts);
}

Configurable add_key(CLI::App& verb, std::string& key_file) {
    verb.add_option("--key", key_file,
                    "Sign what is written with this key: NAME.key of `dws keygen`")
        ->type_name("FILE");
    return {&key_file, "--key", "keys.own", false};
}

std::optional<Identity> signer_in(const std::string& key_file) {
    if (key_file.empty()) return std::nullopt;
    return Identity::read(key_file);
}

}  // namespace dws
