#include "experiments/model_speed/peer_script.h"

#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "experiments/launcher/child_process.h"

namespace dws {
namespace {

constexpr double kTimeout_s = 3'600;   // the longest has prompts of 9,000 tokens to read, twice
constexpr std::size_t kShown = 2'000;  // of a failed script's output, bytes

// A file that goes with this object.
class OutputFile {
public:
    OutputFile()
        : path_(std::filesystem::temp_directory_path() /
                ("peer_script_" + std::to_string(getpid()) + ".txt")) {
        std::filesystem::remove(path_);
    }
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    ~OutputFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }
    std::string contents() const {
        std::ostringstream all;
        all << std::ifstream(path_).rdbuf();
        return all.str();
    }

private:
    const std::filesystem::path path_;
};

}  // namespace

std::string output_of(const PeerScript& peer, const std::vector<std::string>& arguments) {
    // Its waiting threads spin, as they do for anyone who just starts Python.
    std::vector<std::string> command{"env", "-u", "OMP_WAIT_POLICY", peer.python, peer.script};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const OutputFile output;
    ChildProcess script(command, output.path());
    const std::optional<int> status = script.wait_s(kTimeout_s);
    if (!status) throw std::runtime_error(peer.script.string() + " takes too long");
    if (*status != 0)
        throw std::runtime_error(peer.script.string() + " failed:\n" +
                                 last_lines(output.contents()));
    return output.contents();
}

std::vector<std::string> size_arguments(const ModelConfig& model) {
    return {"--vocab",       std::to_string(model.vocab_size),
            "--hidden",      std::to_string(model.hidden_size),
            "--layers",      std::to_string(model.layers),
            "--query-heads", std::to_string(model.query_heads),
            "--key-heads",   std::to_string(model.key_heads),
            "--head-size",   std::to_string(model.head_size),
            "--mlp",         std::to_string(model.mlp_size)};
}

std::string last_lines(const std::string& output) {
    return output.size() <= kShown ? output : output.substr(output.size() - kShown);
}

}  // namespace dws
