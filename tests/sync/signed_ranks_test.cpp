#include <gtest/gtest.h>

#include "sync/envelope.h"
#include "tests/sync/rank_fixture.h"

namespace dws {
namespace {

class SignedRanks : public Ranks {
protected:
    void SetUp() override {
        signer_ = Identity::generate();
        trainer_.options.signer = signer_;
        Ranks::SetUp();
    }
};

TEST_F(SignedRanks, SignTheLogAndTheirReceipts) {
    expect_goes_on();
    const PublicIdentity key = signer_->shared();
    std::size_t receipts = 0;
    for (const auto& [stored_key, stored] : bucket_.objects()) {
        if (!stored_key.ends_with(".json")) continue;
        EXPECT_EQ(signature_fault(stored, std::span(&key, 1)), "") << stored_key;
        receipts += stored_key.find("/receipts/") != std::string::npos;
    }
    EXPECT_EQ(receipts, 3u);
}

// A stranger who can write to the bucket is faster than the rank itself.
TEST_F(SignedRanks, AStrangersReceiptIsNoPartOfAVersion) {
    links_[2].hold("receipts");
    const Announcement said = ranks_[0]->announcement();
    step(said);
    const std::string own = receipt_key("run", *said.cut, 1);
    ASSERT_TRUE(eventually([&] { return bucket_.objects().contains(own); }));
    ShardReceipt forged = *decode_receipt(bucket_.objects().at(own));
    forged.rank = 2;
    forged.range = shards_[2];
    forged.objects.clear();
    ASSERT_TRUE(bucket_.put(receipt_key("run", *said.cut, 2), encode_receipt(forged)));
    ASSERT_TRUE(ranks_[0]->settle({}));
    EXPECT_TRUE(faults_.has("2.json is not signed; it must be by key")) << faults_.all();
    EXPECT_EQ(log_end().version, 0);
    links_[2].hold("");
}

}  // namespace
}  // namespace dws
