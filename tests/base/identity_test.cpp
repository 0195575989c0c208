#include "base/identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "base/bytes.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

template <class Bytes32>
Bytes32 from_hex(const std::string& digits) {
    Bytes32 bytes{};
    for (std::size_t index = 0; index < bytes.size(); ++index)
        bytes[index] = static_cast<std::byte>(std::stoi(digits.substr(2 * index, 2), nullptr, 16));
    return bytes;
}

std::string failure_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

TEST(Identity, SignsWhatItsPublicHalfProves) {
    const Identity identity = Identity::generate();
    const Signature signature = identity.sign(bytes_of("record 43"));
    EXPECT_TRUE(is_signed_by(identity.shared(), bytes_of("record 43"), signature));
    EXPECT_FALSE(is_signed_by(identity.shared(), bytes_of("record 44"), signature));
    EXPECT_FALSE(is_signed_by(Identity::generate().shared(), bytes_of("record 43"), signature));
    EXPECT_EQ(identity.sign(bytes_of("record 43")), signature) << "the same bytes each time";
    EXPECT_TRUE(is_signed_by(identity.shared(), {}, identity.sign({})));
}

TEST(Identity, EveryBitOfASignatureCounts) {
    const Identity identity = Identity::generate();
    const Signature sound = identity.sign(bytes_of("message"));
    for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
        Signature flipped = sound;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(is_signed_by(identity.shared(), bytes_of("message"), flipped)) << bit;
    }
}

// RFC 8032, section 7.1, test 2.
TEST(Identity, AgreesWithThePublishedVector) {
    PublicIdentity identity;
    identity.signing =
        from_hex<Key32>("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const auto signature = from_hex<Signature>(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    EXPECT_TRUE(is_signed_by(identity, bytes_of("\x72"), signature));
    EXPECT_FALSE(is_signed_by(identity, bytes_of("\x73"), signature));
}

TEST(Identity, ItsTextIsOneWordThatComesBack) {
    const PublicIdentity sent = Identity::generate().shared();
    const std::string text = sent.text();
    EXPECT_EQ(text.size(), 94u);
    EXPECT_TRUE(text.starts_with("dws-key-"));
    EXPECT_EQ(text.find_first_of("+/= "), std::string::npos);
    const Result<PublicIdentity> read = parse_identity(text);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(*read, sent);
    EXPECT_EQ(sent.id().size(), 16u);
    EXPECT_NE(sent.id(), Identity::generate().shared().id());
}

// A key has one text: the bits that the last letter has too many are zero.
TEST(Identity, NoOtherTextIsAKey) {
    const std::string text = Identity::generate().shared().text();
    const Result<PublicIdentity> held = parse_identity(text);
    for (const std::string& wrong :
         {std::string(), std::string("dws-key-"), text + "A", text.substr(0, 93), " " + text,
          text + "\n", text.substr(0, 93) + "!", text.substr(0, 93) + "=", text.substr(1),
          "DWS-KEY-" + text.substr(8), text.substr(0, 93) + "B"}) {
        const Result<PublicIdentity> read = parse_identity(wrong);
        if (read && wrong.size() == 94 && !(*read == *held)) continue;  // "B" may be another key's
        ASSERT_FALSE(read) << wrong;
        EXPECT_EQ(read.error().fault, Fault::corrupt);
        EXPECT_NE(read.error().detail.find("dws keygen"), std::string::npos);
    }
    std::size_t spellings = 0;
    for (char last = ' '; last < 127; ++last)
        spellings += bool(parse_identity(text.substr(0, 93) + last));
    EXPECT_EQ(spellings, 4u) << "the last letter has two bits of the key";
}

TEST(Identity, AFileHoldsItForItsOwnerAlone) {
    const ScratchFolder folder;
    const std::filesystem::path file = folder / "trainer.key";
    const Identity made = Identity::generate();
    made.write_new(file);
    struct stat state {};
    ASSERT_EQ(::stat(file.c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777, 0600u);

    const Identity read = Identity::read(file);
    EXPECT_EQ(read.shared(), made.shared());
    EXPECT_EQ(read.exchange_secret(), made.exchange_secret());
    EXPECT_EQ(read.sign(bytes_of("x")), made.sign(bytes_of("x")));
    const std::string taken = failure_of([&] { Identity::generate().write_new(file); });
    EXPECT_NE(taken.find(file.string()), std::string::npos) << taken;
    EXPECT_EQ(Identity::read(file).shared(), made.shared());
}

TEST(Identity, RefusesAFileThatIsNotThereOrNotItsOwnersAlone) {
    const ScratchFolder folder;
    const std::filesystem::path file = folder / "trainer.key";
    const auto failure = [&] { return failure_of([&] { Identity::read(file); }); };
    EXPECT_NE(failure().find("trainer.key"), std::string::npos);
    Identity::generate().write_new(file);
    for (const int mode : {0640, 0604, 0620, 0601}) {
        ASSERT_EQ(::chmod(file.c_str(), static_cast<mode_t>(mode)), 0);
        EXPECT_NE(failure().find("chmod 600"), std::string::npos) << mode;
    }
    EXPECT_NE(failure_of([&] { Identity::read(folder.path()); }).find("regular"),
              std::string::npos);
}

TEST(Identity, RefusesAFileThatHoldsNoKeyAndNeverShowsOne) {
    const ScratchFolder folder;
    const std::filesystem::path file = folder / "other.key";
    const Identity identity = Identity::generate();
    for (const std::string& content :
         {std::string(), identity.shared().text(), std::string("dws-secret-short\n"),
          "dws-secret-" + std::string(86, '*'), std::string(1 << 16, 'A')}) {
        std::filesystem::remove(file);
        std::ofstream(file) << content;
        std::filesystem::permissions(file, std::filesystem::perms{0600});
        const std::string why = failure_of([&] { Identity::read(file); });
        EXPECT_NE(why.find("holds no private key"), std::string::npos) << why;
    }
    std::filesystem::remove(file);
    identity.write_new(file);
    std::string secret;
    std::getline(std::ifstream(file) >> std::ws, secret);
    const Result<PublicIdentity> mistaken = parse_identity(secret);
    ASSERT_FALSE(mistaken);
    EXPECT_EQ(mistaken.error().detail.find(secret.substr(11)), std::string::npos);
    EXPECT_NE(mistaken.error().detail.find("PRIVATE"), std::string::npos);
}

}  // namespace
}  // namespace dws
