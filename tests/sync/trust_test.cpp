#include "sync/trust.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace dws {
namespace {

const std::string kHash(64, 'a');

std::string refusal(const TrustTexts& texts) {
    try {
        trust_from(texts);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

TEST(Trust, IsWhatItsTextsSay) {
    const PublicIdentity log = Identity::generate().shared();
    const PublicIdentity worker = Identity::generate().shared();
    const Trust trust = trust_from({.log = log.text(),
                                    .since = "43:" + kHash,
                                    .jumps = {log.text(), worker.text()},
                                    .games = {worker.text()},
                                    .memory = "/tmp/x"});
    EXPECT_EQ(trust.log, log);
    EXPECT_EQ(trust.since, (KnownRecord{43, kHash}));
    EXPECT_EQ(trust.jumps, (std::vector<PublicIdentity>{log, worker}));
    EXPECT_EQ(trust.games, (std::vector<PublicIdentity>{worker}));
    EXPECT_EQ(trust.memory, "/tmp/x");
}

TEST(Trust, WithoutTextsPinsNobody) {
    const Trust trust = trust_from({});
    EXPECT_FALSE(trust.log);
    EXPECT_FALSE(trust.since);
    EXPECT_TRUE(trust.games.empty() && trust.jumps.empty() && trust.memory.empty());
}

TEST(Trust, NamesWhatIsNoKey) {
    const std::string key = Identity::generate().shared().text();
    EXPECT_NE(refusal({.log = "dws-key-x"}).find("trainer's key"), std::string::npos);
    EXPECT_NE(refusal({.log = "", .since = "", .jumps = {key, "x"}}).find("compactor's key"),
              std::string::npos);
    EXPECT_NE(refusal({.log = "", .since = "", .jumps = {}, .games = {""}}).find("worker's key"),
              std::string::npos);
    EXPECT_NE(refusal({.log = "", .since = "1:" + kHash}).find("since"), std::string::npos);
    EXPECT_NE(refusal({.log = key, .since = "1"}).find("since"), std::string::npos);
}

TEST(Trust, AKnownRecordHasOneSpelling) {
    const Result<KnownRecord> record = parse_known_record("0:" + kHash);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->text(), "0:" + kHash);
    for (const std::string& wrong :
         {std::string(), std::string("7"), "7:" + kHash + "a", "07:" + kHash, "-7:" + kHash,
          " 7:" + kHash, "7 :" + kHash, "7-" + kHash, "7:" + std::string(64, 'A'),
          "7:" + kHash.substr(1), "99999999999999999999:" + kHash}) {
        const Result<KnownRecord> read = parse_known_record(wrong);
        ASSERT_FALSE(read) << wrong;
        EXPECT_EQ(read.error().fault, Fault::corrupt);
    }
}

}  // namespace
}  // namespace dws
