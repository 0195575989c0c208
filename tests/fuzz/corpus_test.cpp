// The committed corpus through the functions that the fuzzers call: they stay compiled, and what a
// fuzzer once found stays fixed. A file whose name begins with "bad_" must be refused, any other
// accepted: otherwise the seeds have gone stale.
#include <gtest/gtest.h>

#include "tests/fuzz/config.h"
#include "tests/fuzz/delta.h"
#include "tests/fuzz/env_message.h"
#include "tests/fuzz/envelope.h"
#include "tests/fuzz/games.h"
#include "tests/fuzz/record.h"
#include "tests/fuzz/safetensors.h"
#include "tests/fuzz/store_reply.h"
#include "tests/fuzz/tile.h"
#include "tests/support/files.h"

namespace dws {
namespace {

constexpr std::size_t kSeedBytes = 4096;  // the fuzzers' max_len: a longer seed would be cut

struct FuzzTarget {
    const char* name;
    bool (*accepts)(std::span<const std::byte> input);
};

class FuzzCorpus : public testing::TestWithParam<FuzzTarget> {};
std::string target_name(const testing::TestParamInfo<FuzzTarget>& target) {
    return target.param.name;
}
INSTANTIATE_TEST_SUITE_P(
    Targets, FuzzCorpus,
    testing::Values(FuzzTarget{"safetensors", fuzz_safetensors}, FuzzTarget{"delta", fuzz_delta},
                    FuzzTarget{"tile", fuzz_tile}, FuzzTarget{"record", fuzz_record},
                    FuzzTarget{"env_message", fuzz_env_message}, FuzzTarget{"config", fuzz_config},
                    FuzzTarget{"envelope", fuzz_envelope}, FuzzTarget{"games", fuzz_games},
                    FuzzTarget{"store_reply", fuzz_store_reply}),
    target_name);

TEST_P(FuzzCorpus, IsAcceptedButForWhatIsBad) {
    const std::filesystem::path folder =
        std::filesystem::path(SOURCE_ROOT) / "tests/fuzz/corpus" / GetParam().name;
    std::size_t accepted = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        SCOPED_TRACE(name);
        const Bytes seed = read_file(entry.path());
        EXPECT_LE(seed.size(), kSeedBytes);
        EXPECT_EQ(GetParam().accepts(seed), !name.starts_with("bad_"));
        accepted += !name.starts_with("bad_");
    }
    EXPECT_GE(accepted, 3u);
}

TEST_P(FuzzCorpus, EndsCleanlyWhereverItIsCut) {
    const std::filesystem::path folder =
        std::filesystem::path(SOURCE_ROOT) / "tests/fuzz/corpus" / GetParam().name;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const Bytes seed = read_file(entry.path());
        for (std::size_t bytes = 0; bytes < seed.size(); bytes += 1 + bytes / 16) {
            GetParam().accepts(std::span(seed).first(bytes));
        }
    }
}

}  // namespace
}  // namespace dws
