#include "sync/tool/checkpoint_words.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>
#include <utility>

#include "sync/tool/progress.h"

namespace dws {
namespace {

constexpr std::size_t kMaxThreads = 256;  // more than any machine's memory can feed

}  // namespace

Result<CheckpointWords> read_checkpoint(const std::string& name, const std::string& path,
                                        std::stop_token stop) {
    Result<Checkpoint> checkpoint = open_checkpoint(path);
    if (!checkpoint) return checkpoint.error();
    Progress progress("reading " + name, checkpoint->table.word_bytes());
    Result<Bytes> words = read_words(*checkpoint, piece_done(progress, std::move(stop)));
    if (!words) return words.error();
    return CheckpointWords{std::move(*checkpoint), std::move(*words)};
}

void add_codec(CLI::App& verb, CodecChoice& choice) {
    verb.add_option("--codec", choice.codec,
                    "auto: the fewest bytes, tile by tile; x: classes of exponents; f: flat, "
                    "least work for the receiver; gap_delta, raw: for other tools, as TRL")
        ->check(CLI::IsMember({"auto", "x", "f", "gap_delta", "raw"}))
        ->capture_default_str();
    add_threads(verb, choice.threads);
}

void add_threads(CLI::App& verb, std::size_t& threads) {
    threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
    verb.add_option("--threads", threads, "How many compute at once")
        ->check(CLI::Range(std::size_t{1}, kMaxThreads))
        ->capture_default_str();
}

}  // namespace dws
