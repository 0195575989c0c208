#include <CLI/CLI.hpp>

#include "sync/tool/verbs.h"

namespace dws {

std::vector<Configurable> add_run_place(CLI::App& verb, RunPlace& place) {
    verb.add_option("--bucket", place.bucket, "The bucket: a folder, or file:///folder");
    verb.add_option("--run", place.run, "The run's name: what its keys begin with");
    return {{&place.bucket, "--bucket", "bucket.uri"}, {&place.run, "--run", "run.name"}};
}

}  // namespace dws
