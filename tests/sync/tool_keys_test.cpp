// `dws keygen`, `dws rotate-key`, and what the other verbs say of who signed, as a user calls them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "sync/chain.h"
#include "tests/support/checkpoints.h"
#include "tests/support/dws_command.h"
#include "tests/support/files.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/signed_log.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

class ToolKeys : public testing::Test {
protected:
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string where() const { return " --bucket " + path("bucket") + " --run run"; }
    // Its public text.
    std::string keygen(const std::string& name) const {
        const Answer answer = call_dws("keygen " + path(name));
        EXPECT_EQ(answer.status, 0) << answer.text;
        return answer.last_line();
    }
    Identity key(const std::string& name) const { return Identity::read(path(name + ".key")); }
    // A run of `versions` versions that `name` signs, or nobody.
    void publish(const std::string& name, int versions) {
        trainer_ = std::make_unique<TestTrainer>(*bucket_, table_, 5);
        if (!name.empty()) trainer_->options.signer = key(name);
        ASSERT_TRUE(trainer_->start_with_anchor());
        for (int version = 1; version < versions; ++version)
            ASSERT_TRUE(trainer_->publish_version(50));
    }
    Result<Done> resume(const std::string& name, const std::string& pinned) {
        ChainReader reader(*bucket_, "run", {.log = key(pinned).shared()});
        while (reader.next()) continue;
        trainer_->publisher.reset();
        trainer_->options.signer = key(name);
        return trainer_->resume(reader.position());
    }

    const ScratchFolder folder_;
    const ArrayTable table_ = small_table();
    const std::unique_ptr<Bucket> bucket_ = open_bucket(path("bucket"), {}, {});
    std::unique_ptr<TestTrainer> trainer_;
};

TEST_F(ToolKeys, KeygenWritesAPairAndPrintsItsPublicHalf) {
    const std::string text = keygen("trainer");
    const Result<PublicIdentity> shared = parse_identity(text);
    ASSERT_TRUE(shared) << shared.error().detail;
    EXPECT_EQ(key("trainer").shared(), *shared);
    EXPECT_EQ(std::string(text_of(read_file(path("trainer.pub")))), text + "\n");
    struct stat state {};
    ASSERT_EQ(::stat(path("trainer.key").c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777, 0600u);
    const Answer json = call_dws("keygen --json " + path("worker"));
    EXPECT_TRUE(json.has("{\"ok\":true,\"key_file\":\"" + path("worker.key"))) << json.text;
    EXPECT_TRUE(json.has("\"id\":\"" + key("worker").shared().id())) << json.text;
    EXPECT_FALSE(json.has("secret"));
}

TEST_F(ToolKeys, KeygenReplacesNothing) {
    const std::string text = keygen("trainer");
    EXPECT_EQ(call_dws("keygen " + path("trainer")).status, 1);
    EXPECT_EQ(key("trainer").shared().text(), text);
    std::filesystem::remove(path("trainer.key"));
    const Answer answer = call_dws("keygen " + path("trainer"));
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("trainer.pub is there already")) << answer.text;
    EXPECT_FALSE(std::filesystem::exists(path("trainer.key")));
    EXPECT_EQ(call_dws("keygen " + path("nowhere/x")).status, 1);
    EXPECT_EQ(call_dws("keygen").status, 2);
}

TEST_F(ToolKeys, VerifyAndLogSayWhoSigned) {
    const std::string text = keygen("trainer");
    publish("trainer", 3);
    const std::string id = key("trainer").shared().id();
    for (const std::string& trust : {std::string(), " --trust " + text}) {
        const Answer answer = call_dws("verify" + where() + trust);
        EXPECT_EQ(answer.status, 0) << answer.text;
        EXPECT_TRUE(answer.has("records 0 to 2 signed by " + id + "\n")) << answer.text;
        EXPECT_TRUE(call_dws("log" + where() + trust).has(" | signed by " + id));
    }
    const Answer json = call_dws("log --json" + where());
    EXPECT_TRUE(json.has("\"signer\":\"" + id + "\"")) << json.text;
    EXPECT_TRUE(json.has("\"name\":\"2:")) << json.text;
    EXPECT_TRUE(call_dws("verify --json" + where()).has("\"signers\":\"records 0 to 2 signed by"));
}

TEST_F(ToolKeys, WhoPinsAKeyHearsWhichRecordIsAStrangers) {
    const std::string trust = " --trust " + keygen("trainer");
    publish("", 3);
    for (const std::string verb : {"verify", "log", "gc", "compact"}) {
        const Answer answer = call_dws(verb + where() + trust);
        EXPECT_EQ(answer.status, 1) << verb;
        EXPECT_TRUE(answer.has("record 0 (epoch 1, writer ")) << answer.text;
        EXPECT_TRUE(answer.has("is not signed")) << answer.text;
        EXPECT_EQ(call_dws(verb + where()).status, 0) << verb;
    }
    const Answer pull = call_dws("pull" + where() + trust + " " + path("out"));
    EXPECT_EQ(pull.status, 1);
    EXPECT_TRUE(pull.has("is not signed")) << pull.text;
    EXPECT_FALSE(std::filesystem::exists(path("out")));
    EXPECT_EQ(call_dws("verify --trust nonsense" + where()).status, 1);
}

TEST_F(ToolKeys, SinceBelievesTheLogUpToARecord) {
    const std::string trust = " --trust " + keygen("trainer");
    publish("", 2);
    const auto end_of_log = [&] {
        ChainReader reader(*bucket_, "run");
        while (reader.next()) continue;
        return reader.position();
    };
    const ChainPosition known = end_of_log();
    const std::string since = " --since 1:" + known.last_sha256;
    EXPECT_EQ(call_dws("verify" + where() + trust + since).status, 0);
    trainer_->publisher.reset();
    trainer_->options.signer = key("trainer");
    ASSERT_TRUE(trainer_->resume(known));
    ASSERT_TRUE(trainer_->publish_version(50));
    const Answer answer = call_dws("verify" + where() + trust + since);
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(answer.has("records 0 to 1 not signed, records 2 to 3 signed by")) << answer.text;
    EXPECT_EQ(call_dws("verify" + where() + trust).status, 1);
    EXPECT_TRUE(call_dws("verify" + where() + since).has("no trainer's key"));
    EXPECT_TRUE(call_dws("verify" + where() + trust + " --since 1:" + std::string(64, '0'))
                    .has("record 1 has SHA-256"));
}

TEST_F(ToolKeys, RotateKeyHandsTheRunOver) {
    const std::string old_text = keygen("old");
    const std::string new_text = keygen("new");
    publish("old", 2);
    trainer_->publisher.reset();
    const std::string keys = " " + path("old.key") + " " + path("new.key");
    const Answer rotated = call_dws("rotate-key" + where() + keys);
    EXPECT_EQ(rotated.status, 0) << rotated.text;
    EXPECT_TRUE(rotated.has("record 2 of run run: key " + key("old").shared().id() +
                            " handed over to key " + key("new").shared().id()))
        << rotated.text;
    EXPECT_FALSE(resume("old", "old")) << "is fenced off, and signs nothing any more";
    ASSERT_TRUE(resume("new", "old"));
    ASSERT_TRUE(trainer_->publish_version(50));
    const Answer verified = call_dws("verify" + where() + " --trust " + old_text);
    EXPECT_EQ(verified.status, 0) << verified.text;
    EXPECT_TRUE(verified.has("records 3 to 4 signed by " + key("new").shared().id()));
    EXPECT_EQ(call_dws("verify" + where() + " --trust " + new_text).status, 1);
    // Again, from the key that has it now; whoever pins must say where the log began.
    keygen("third");
    const std::string next = " " + path("new.key") + " " + path("third.key");
    EXPECT_EQ(call_dws("rotate-key" + where() + next).status, 1);
    trainer_->publisher.reset();
    EXPECT_EQ(call_dws("rotate-key --json" + where() + next + " --trust " + old_text).status, 0);
    EXPECT_EQ(call_dws("verify" + where() + " --trust " + old_text).status, 0);
}

TEST_F(ToolKeys, RotateKeyRefusesWhatWouldStopTheRun) {
    keygen("old");
    keygen("new");
    keygen("thief");
    const std::string keys = " " + path("old.key") + " " + path("new.key");
    EXPECT_TRUE(call_dws("rotate-key" + where() + keys).has("has no log"));
    publish("old", 1);
    const std::string stolen = " " + path("thief.key") + " " + path("new.key");
    EXPECT_TRUE(call_dws("rotate-key" + where() + stolen).has("is signed by key"));
    EXPECT_TRUE(call_dws("rotate-key" + where() + " --trust " + key("old").shared().text() + stolen)
                    .has("OLD.key is key " + key("thief").shared().id()));
    const std::string same = " " + path("old.key") + " " + path("old.key");
    EXPECT_TRUE(call_dws("rotate-key" + where() + same).has("the same key"));
    EXPECT_TRUE(call_dws("rotate-key" + where() + " " + path("old.pub") + " " + path("new.key"))
                    .has("chmod 600"));
    ASSERT_TRUE(trainer_->publisher->finish({}));
    EXPECT_TRUE(call_dws("rotate-key" + where() + keys).has("has ended"));
}

TEST_F(ToolKeys, PushSignsAndPullBelievesIt) {
    const std::string text = keygen("trainer");
    keygen("other");
    write_checkpoint(folder_ / "one", 1);
    write_checkpoint(folder_ / "two", 2);
    const std::string key_flag = " --key " + path("trainer.key");
    EXPECT_EQ(call_dws("push" + where() + key_flag + " " + path("one")).status, 0);
    const Answer again = call_dws("push" + where() + key_flag + " " + path("two"));
    EXPECT_EQ(again.status, 0) << again.text;
    const Answer pulled = call_dws("pull" + where() + " --trust " + text + " " + path("out"));
    EXPECT_EQ(pulled.status, 0) << pulled.text;
    EXPECT_EQ(files_below(folder_ / "out"), files_below(folder_ / "two"));
    EXPECT_TRUE(call_dws("push" + where() + " --key " + path("other.key") + " " + path("one"))
                    .has("is signed by key"));
    EXPECT_EQ(call_dws("verify" + where() + " --trust " + text).status, 0);
}

TEST_F(ToolKeys, JumpsNeedAListedSigner) {
    const std::string trust = " --trust " + keygen("trainer");
    const std::string compactor = keygen("compactor");
    publish("trainer", 12);
    const std::string sign = " --key " + path("compactor.key");
    ASSERT_EQ(call_dws("compact --anchor-share 0.01" + where() + trust + sign).status, 0);
    const std::string listed = " --trust-jumps " + keygen("other") + "," + compactor;
    const Answer sound = call_dws("verify" + where() + trust + listed);
    EXPECT_EQ(sound.status, 0) << sound.text;
    EXPECT_TRUE(sound.has(" jumps")) << sound.text;
    for (const std::string verb : {"verify", "log --jumps"}) {
        const Answer strange = call_dws(verb + where() + trust);
        EXPECT_EQ(strange.status, 1) << verb;
        EXPECT_TRUE(strange.has("the jump is signed by key " + key("compactor").shared().id()))
            << strange.text;
        EXPECT_EQ(call_dws(verb + where() + trust + listed).status, 0) << verb;
    }
}

TEST_F(ToolKeys, TheConfigSaysWhoIsWho) {
    const std::string text = keygen("trainer");
    publish("", 1);
    std::ofstream(path("run.yaml")) << "run:\n  name: run\nbucket:\n  uri: " << path("bucket")
                                    << "\nkeys:\n  trainer: " << text << "\n";
    const Answer answer = call_dws("verify --config " + path("run.yaml"));
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("is not signed; it must be by key " + key("trainer").shared().id()))
        << answer.text;
}

// No output names a private key.
TEST_F(ToolKeys, NothingPrintsASecret) {
    keygen("trainer");
    const std::string line(text_of(read_file(path("trainer.key"))));
    const std::string secret = line.substr(line.rfind('-') + 1, 40);
    publish("trainer", 1);
    for (const std::string& call :
         {"verify" + where() + " --trust \"$(cat " + path("trainer.key") + ")\"",
          "keygen " + path("trainer"),
          "verify" + where() + " --trust-jumps \"$(cat " + path("trainer.key") + ")\"",
          "rotate-key" + where() + " " + path("trainer.key") + " " + path("trainer.key")}) {
        const Answer answer = call_dws(call);
        EXPECT_NE(answer.status, 0) << call;
        EXPECT_FALSE(answer.has(secret)) << answer.text;
        EXPECT_FALSE(answer.has("dws-secret-" + secret.substr(0, 4))) << answer.text;
    }
}

}  // namespace
}  // namespace dws
