// The signed record that FORMAT.md shows; these are its bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sync/envelope.h"
#include "tests/support/files.h"
#include "tests/support/format_example.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

// A key file that everybody can read here, so nobody may use it: bytes 0 to 63.
constexpr const char* kSecret =
    "dws-secret-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0"
    "-Pw\n";
constexpr const char* kPublic =
    "dws-key-A6EHv_"
    "POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg1gHLWNliA0a7qMprfkSE4OFHtIaKOO3XpZdDSzRZiVA";

TEST(FormatSignature, ASignedRecordIsTheDocumentedBytes) {
    const ScratchFolder folder;
    const std::filesystem::path file = folder / "example.key";
    std::ofstream(file) << kSecret;
    std::filesystem::permissions(file, std::filesystem::perms{0600});
    const Identity signer = Identity::read(file);
    EXPECT_EQ(signer.shared().text(), kPublic);
    EXPECT_EQ(signer.shared().id(), "3619e750a2dd52ba");
    const Bytes stored = sign_envelope(encode_record(FormatExample().anchor_record()), signer);
    const std::filesystem::path golden =
        std::filesystem::path(SOURCE_ROOT) / "tests/golden/format_record_0_signed.json";
    EXPECT_EQ(text_of(stored), text_of(read_file(golden)));
    const Result<PublicIdentity> key = parse_identity(kPublic);
    ASSERT_TRUE(key);
    EXPECT_EQ(signature_fault(read_file(golden), std::span(&*key, 1)), "");
}

}  // namespace
}  // namespace dws
