#include "sync/games/game_signature.h"

#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "sync/games/game_box.h"
#include "tests/support/faulty_bucket.h"
#include "tests/support/random_games.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

const Identity& worker() {
    static const Identity identity = Identity::generate();
    return identity;
}
std::vector<PublicIdentity> listed() { return {Identity::generate().shared(), worker().shared()}; }

GameGroup some_group(std::uint64_t seed = 7) {
    Random random(seed);
    GameGroup group = random_group(random, 2);
    group.number = 4;
    return group;
}

std::string fault_of(const Bytes& file, const std::string& run = "run") {
    const Result<GameGroup> group = decode_group(file);
    EXPECT_TRUE(group);
    return group ? group_signature_fault(file, *group, run, listed()) : "corrupt";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(GameSignature, ASignedGroupIsTheSameGroup) {
    const Bytes file = sign_group(some_group(), "run", worker());
    const Result<GameGroup> group = decode_group(file);
    ASSERT_TRUE(group) << group.error().detail;
    EXPECT_EQ(encode_group(*group), encode_group(some_group()));
    EXPECT_EQ(sign_group(*group, "run", worker()), file) << "one form";
    EXPECT_EQ(fault_of(file), "");
}

TEST(GameSignature, WithoutListedWorkersAnybodyMayPlay) {
    const Bytes file = encode_group(some_group());
    EXPECT_EQ(group_signature_fault(file, some_group(), "run", {}), "");
    const Bytes strange = sign_group(some_group(), "run", Identity::generate());
    EXPECT_EQ(group_signature_fault(strange, some_group(), "run", {}), "");
}

TEST(GameSignature, NobodyElsesGroupIsTaken) {
    EXPECT_TRUE(has(fault_of(encode_group(some_group())), "is not signed"));
    const Identity stranger = Identity::generate();
    EXPECT_TRUE(has(fault_of(sign_group(some_group(), "run", stranger)), stranger.shared().id()));
    EXPECT_TRUE(has(fault_of(sign_group(some_group(), "run", worker()), "other"), "is not what"));
}

TEST(GameSignature, ASignatureHoldsForOneGroupAlone) {
    const Bytes file = sign_group(some_group(), "run", worker());
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    ASSERT_TRUE(view);
    const Metadata signature{{"keyid", view->metadata().at("keyid")},
                             {"signature", view->metadata().at("signature")}};
    EXPECT_EQ(encode_group(some_group(), signature), file);
    for (const auto& bend : std::vector<std::function<void(GameGroup&)>>{
             [](GameGroup& group) { group.worker = "worker-2"; },
             [](GameGroup& group) { group.number += 1; }, [](GameGroup& group) { group.seed += 1; },
             [](GameGroup& group) { group.is_demonstration = true; },
             [](GameGroup& group) { group.games.front().reward += 1; },
             [](GameGroup& group) { group.games.pop_back(), group.outcomes.clear(); },
             [](GameGroup& group) { group.outcomes["won"].front() = 0; }}) {
        GameGroup other = some_group();
        bend(other);
        EXPECT_TRUE(has(fault_of(encode_group(other, signature)), "is not what key"));
    }
    Metadata more = signature;
    more["note"] = "nobody signed this";
    EXPECT_TRUE(has(fault_of(encode_group(some_group(), more)), "one form"));
    Metadata broken = signature;
    broken["signature"].resize(80);
    EXPECT_TRUE(has(fault_of(encode_group(some_group(), broken)), "is not signed"));
}

TEST(GameSignature, NoByteOfASignedGroupCanBeChanged) {
    const Bytes file = sign_group(some_group(), "run", worker());
    std::size_t decoded = 0;
    for (std::size_t at = 0; at < file.size(); ++at) {
        Bytes bent = file;
        bent[at] ^= std::byte{1} << (at % 8);
        const Result<GameGroup> group = decode_group(bent);
        if (!group) continue;
        ++decoded;
        ASSERT_NE(group_signature_fault(bent, *group, "run", listed()), "") << at;
    }
    EXPECT_GT(decoded, 100u);
}

// The boxes, with a worker that is listed and one that is not.
struct SignedBoxes {
    FaultyBucket bucket;
    Notes faults;
    Random random{1};

    void send(const std::string& name, const std::optional<Identity>& signer, int groups = 1) {
        GameOutbox outbox(bucket, "run", name, "", {}, signer);
        for (int group = 0; group < groups; ++group)
            ASSERT_TRUE(outbox.submit(random_group(random, 2), {}));
        ASSERT_TRUE(outbox.flush({}));
    }
    ReceivedGroup first_of(const std::string& name) {
        GameInbox inbox(bucket, "run", {}, "", std::chrono::milliseconds{5}, 8,
                        [this](const Error& error) { faults.add(error.detail); },
                        {worker().shared()});
        while (true) {
            ReceivedGroup group = *inbox.pop({});
            if (group.worker == name) return group;
        }
    }
    void expect_refused(const std::string& name, Fault fault, const std::string& why) {
        const ReceivedGroup group = first_of(name);
        EXPECT_FALSE(group.group);
        ASSERT_TRUE(group.error);
        EXPECT_EQ(group.error->fault, fault) << group.error->detail;
        EXPECT_TRUE(has(group.error->detail, why)) << group.error->detail;
        EXPECT_TRUE(has(group.error->detail, game_key("run", name, 0))) << group.error->detail;
    }
    void copy(const std::string& from, const std::string& to) {
        ASSERT_TRUE(bucket.put(to, bucket.objects().at(from)));
    }
};

TEST(SignedGames, AListedWorkersGroupsArrive) {
    SignedBoxes boxes;
    boxes.send("a", worker(), 3);
    const ReceivedGroup group = boxes.first_of("a");
    ASSERT_TRUE(group.group) << group.error->detail;
    EXPECT_EQ(group.number, 0);
    EXPECT_FALSE(boxes.faults.has(""));
}

TEST(SignedGames, StrangersGroupsAreRefusedByName) {
    SignedBoxes boxes;
    boxes.send("a", std::nullopt);
    boxes.send("b", Identity::generate());
    boxes.expect_refused("a", Fault::untrusted, "is not signed");
    boxes.expect_refused("b", Fault::untrusted, "no listed worker's key");
}

TEST(SignedGames, AReplayIsRefused) {
    SignedBoxes boxes;
    boxes.send("a", worker(), 2);
    boxes.copy(game_key("run", "a", 0), game_key("run", "b", 0));  // another name
    boxes.copy(game_key("run", "a", 1), game_key("run", "c", 0));  // and another number
    boxes.expect_refused("b", Fault::corrupt, "it says it is group 0 of a");
    boxes.expect_refused("c", Fault::corrupt, "it says it is group 1 of a");
    {
        GameOutbox outbox(boxes.bucket, "other", "d", "", {}, worker());
        ASSERT_TRUE(outbox.submit(random_group(boxes.random, 1), {}));
        ASSERT_TRUE(outbox.flush({}));
    }
    boxes.copy(game_key("other", "d", 0), game_key("run", "d", 0));  // another run
    boxes.expect_refused("d", Fault::untrusted, "is not what key");
}

TEST(SignedGames, OneThatIsRefusedDoesNotStopTheOthers) {
    SignedBoxes boxes;
    boxes.send("a", worker(), 3);
    Random random(9);
    GameGroup forged = random_group(random, 1);
    forged.worker = "a";
    forged.number = 1;
    ASSERT_TRUE(boxes.bucket.put(game_key("run", "a", 1), encode_group(forged)));
    GameInbox inbox(boxes.bucket, "run", {}, "", std::chrono::milliseconds{5}, 8, {},
                    {worker().shared()});
    for (const bool is_sound : {true, false, true})
        EXPECT_EQ(inbox.pop({})->group.has_value(), is_sound);
}

}  // namespace
}  // namespace dws
