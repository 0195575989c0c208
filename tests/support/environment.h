// An environment of a test's own.
#pragma once

#include <map>
#include <string>

#include "sync/bucket/environment.h"

namespace dws {

inline Environment environment_of(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    };
}

}  // namespace dws
