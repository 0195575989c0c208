#include "sync/bucket/credentials.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <ostream>
#include <stdexcept>

#include "tests/support/environment.h"
#include "tests/support/scratch_folder.h"

namespace dws {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
    out << value;
};

// A secret has no way into a log line, whoever writes it.
static_assert(!Streamable<Secret> && !Streamable<Credentials>);
static_assert(!fmt::is_formattable<Secret>::value && !fmt::is_formattable<Credentials>::value);
static_assert(!std::is_convertible_v<Secret, std::string>);

class CredentialsTest : public testing::Test {
protected:
    Environment with_file(const std::string& text, std::map<std::string, std::string> more = {}) {
        std::ofstream(scratch_ / "credentials") << text;
        more["AWS_SHARED_CREDENTIALS_FILE"] = (scratch_ / "credentials").string();
        return environment_of(std::move(more));
    }
    const ScratchFolder scratch_;
};

TEST_F(CredentialsTest, ComeFromTheEnvironmentFirst) {
    const auto found = find_credentials(
        with_file("[default]\naws_access_key_id=file\naws_secret_access_key=file\n",
                  {{"AWS_ACCESS_KEY_ID", "id"},
                   {"AWS_SECRET_ACCESS_KEY", "secret"},
                   {"AWS_SESSION_TOKEN", "token"}}));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->access_key_id.reveal(), "id");
    EXPECT_EQ(found->secret_key.reveal(), "secret");
    EXPECT_EQ(found->session_token.reveal(), "token");
}

TEST_F(CredentialsTest, ComeFromTheProfile) {
    const std::string text =
        "# mine\n[default]\naws_access_key_id = one\naws_secret_access_key = first/==\n\n"
        "[ other ]\r\naws_access_key_id=two\r\naws_secret_access_key=second\r\n"
        "aws_session_token = token\r\n";
    const auto usual = find_credentials(with_file(text));
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->access_key_id.reveal(), "one");
    EXPECT_EQ(usual->secret_key.reveal(), "first/==");
    EXPECT_TRUE(usual->session_token.empty());
    const auto other = find_credentials(with_file(text, {{"AWS_PROFILE", "other"}}));
    ASSERT_TRUE(other);
    EXPECT_EQ(other->access_key_id.reveal(), "two");
    EXPECT_EQ(other->secret_key.reveal(), "second");
    EXPECT_EQ(other->session_token.reveal(), "token");
}

TEST_F(CredentialsTest, TheUsualFileLiesInTheHomeFolder) {
    std::filesystem::create_directories(scratch_ / ".aws");
    std::ofstream(scratch_ / ".aws" / "credentials")
        << "[default]\naws_access_key_id=a\naws_secret_access_key=b\n";
    EXPECT_TRUE(find_credentials(environment_of({{"HOME", scratch_.path().string()}})));
}

TEST_F(CredentialsTest, NoneIsNoError) {
    EXPECT_FALSE(find_credentials(environment_of({})));
    EXPECT_FALSE(find_credentials(environment_of({{"HOME", scratch_.path().string()}})));
    EXPECT_FALSE(find_credentials(with_file("")));
    EXPECT_FALSE(find_credentials(with_file("[other]\naws_access_key_id=a\n")));
}

TEST_F(CredentialsTest, HalfAPairIsRefusedWithoutShowingIt) {
    for (const Environment& environment :
         {environment_of({{"AWS_ACCESS_KEY_ID", "TOPSECRET"}}),
          environment_of({{"AWS_SECRET_ACCESS_KEY", "TOPSECRET"}}),
          with_file("[default]\naws_secret_access_key = TOPSECRET\n")}) {
        try {
            (void)find_credentials(environment);
            ADD_FAILURE();
        } catch (const std::runtime_error& error) {
            const std::string text = error.what();
            EXPECT_NE(text.find("is missing"), std::string::npos) << text;
            EXPECT_EQ(text.find("TOPSECRET"), std::string::npos) << text;
        }
    }
}

TEST_F(CredentialsTest, AProfileThatIsNamedMustBeThere) {
    EXPECT_THROW(find_credentials(with_file("[default]\n", {{"AWS_PROFILE", "other"}})),
                 std::runtime_error);
}

TEST_F(CredentialsTest, AFileOfAnyBytesIsRead) {
    EXPECT_FALSE(find_credentials(with_file("[\n]\n=\n[default\nx=\n\0\xff[]=[\n")));
    EXPECT_FALSE(find_credentials(with_file(std::string(3'000'000, '['))));
}

TEST_F(CredentialsTest, TheHubsTokenComesFromItsVariableOrFile) {
    EXPECT_EQ(find_hub_token(environment_of({{"HF_TOKEN", "hf_x"}})).reveal(), "hf_x");
    std::ofstream(scratch_ / "token") << "hf_file\n";
    EXPECT_EQ(find_hub_token(environment_of({{"HF_HOME", scratch_.path().string()}})).reveal(),
              "hf_file");
    std::filesystem::create_directories(scratch_ / ".cache/huggingface");
    std::ofstream(scratch_ / ".cache/huggingface/token") << " hf_usual \n";
    EXPECT_EQ(find_hub_token(environment_of({{"HOME", scratch_.path().string()}})).reveal(),
              "hf_usual");
    EXPECT_TRUE(find_hub_token(environment_of({})).empty());
}

TEST_F(CredentialsTest, AreScrubbedFromForeignText) {
    const Credentials keys{Secret("AKIAKEY"), Secret("very/secret"), Secret("session")};
    EXPECT_EQ(keys.scrubbed("AKIAKEY said very/secret and session, AKIAKEY"),
              "*** said *** and ***, ***");
    EXPECT_EQ(Credentials{}.scrubbed("nothing"), "nothing");
}

}  // namespace
}  // namespace dws
