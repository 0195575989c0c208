// The verbs of `dws` for people who have checkpoints and a bucket, as a user calls them.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "sync/checkpoint/version.h"
#include "tests/support/checkpoints.h"
#include "tests/support/command.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/test_run.h"

namespace dws {
namespace {

namespace fs = std::filesystem;

const std::string kGolden = std::string(SOURCE_ROOT) + "/tests/golden/";

Answer dws(const std::string& arguments) {
    return call_command(std::string(BINARY_ROOT) + "/dws " + arguments);
}

// Two checkpoints of the same arrays, and a place for all else.
class ToolCheckpoint : public testing::Test {
protected:
    void SetUp() override {
        write_checkpoint(folder_ / "base", 1);
        fs::copy(folder_ / "base", folder_ / "next", fs::copy_options::recursive);
        for (const std::string name : {"1", "2"})
            change_words(folder_ / ("next/model-0000" + name + "-of-00002.safetensors"), 301);
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string paths(const std::string& a, const std::string& b) const {
        return " " + path(a) + " " + path(b);
    }
    std::string place(const std::string& run = "run") const {
        return " --bucket " + path("bucket") + " --run " + run + " ";
    }
    Answer push(const std::string& name, const std::string& more = "") const {
        return dws("push" + place() + path(name) + " " + more);
    }
    Answer pull(const std::string& name, const std::string& more = "") const {
        return dws("pull" + place() + path(name) + " " + more);
    }
    std::map<std::string, std::string> files(const std::string& name) const {
        return files_below(folder_ / name);
    }
    // Names in the folder that begin so.
    std::size_t entries(const std::string& start) const {
        std::size_t found = 0;
        for (const auto& entry : fs::directory_iterator(folder_.path()))
            found += entry.path().filename().string().starts_with(start);
        return found;
    }
    Result<RunLog> log() const {
        const auto bucket = open_bucket(path("bucket"), {}, {}, {}, BucketAccess::read);
        return read_run_log(*bucket, "run", {});
    }
    const ScratchFolder folder_;
};

TEST_F(ToolCheckpoint, PatchMakesTheNextFolderByteForByte) {
    for (const std::string codec : {"auto", "x", "f", "gap_delta", "raw"}) {
        const std::string delta = codec + ".safetensors";
        const Answer diff =
            dws("diff --codec " + codec + paths("base", "next") + " " + path(delta));
        EXPECT_EQ(diff.status, 0) << diff.text;
        EXPECT_TRUE(diff.has(" words changed (")) << diff.text;
        EXPECT_TRUE(diff.has(" bytes per changed word")) << diff.text;
        const Answer patch = dws("patch" + paths("base", delta) + " " + path("out-" + codec));
        EXPECT_EQ(patch.status, 0) << patch.text;
        EXPECT_EQ(files("out-" + codec), files("next"));
    }
    EXPECT_EQ(entries("out-auto."), 0u);
}

TEST_F(ToolCheckpoint, OneFileIsPatchedIntoOneFile) {
    const std::string shard = "/model-00001-of-00002.safetensors";
    EXPECT_EQ(dws("diff" + paths("base" + shard, "next" + shard) + " " + path("d")).status, 0);
    const Answer patch = dws("patch" + paths("base" + shard, "d") + " " + path("out.safetensors"));
    EXPECT_EQ(patch.status, 0) << patch.text;
    EXPECT_EQ(read_file(folder_ / "out.safetensors"), read_file(folder_ / ("next" + shard)));
    EXPECT_EQ(entries("out.safetensors."), 0u);
}

TEST_F(ToolCheckpoint, AnotherWayToCutTheModelIsNoChange) {
    fs::create_directory(folder_ / "flat");
    const Bytes first = read_file(folder_ / "base/model-00001-of-00002.safetensors");
    const Bytes second = read_file(folder_ / "base/model-00002-of-00002.safetensors");
    const Result<SafetensorsView> views[] = {SafetensorsView::parse(first),
                                             SafetensorsView::parse(second)};
    std::vector<TensorView> all = views[1]->tensors();
    for (const TensorView& tensor : views[0]->tensors()) all.push_back(tensor);
    write_file(folder_ / "flat/model.safetensors", write_safetensors(all, {}));
    const Answer answer = dws("diff --json" + paths("base", "flat") + " " + path("d"));
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(answer.has("\"changed_words\":0,")) << answer.text;
    EXPECT_EQ(push("base").status, 0);
    const Answer pushed = push("flat");
    EXPECT_EQ(pushed.status, 0) << pushed.text;
    EXPECT_TRUE(pushed.has("version 1 of run run | delta ")) << pushed.text;
    EXPECT_TRUE(pushed.has("| 0 words changed")) << pushed.text;
    EXPECT_EQ(pull("out").status, 0);
    EXPECT_EQ(files("out"), files("flat"));
}

TEST_F(ToolCheckpoint, AWrongBaseIsRefusedBeforeAnythingIsWritten) {
    ASSERT_EQ(dws("diff" + paths("base", "next") + " " + path("d")).status, 0);
    const Answer answer = dws("patch" + paths("next", "d") + " " + path("out"));
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("BASE: the delta starts from digest ")) << answer.text;
    EXPECT_TRUE(answer.has("name the checkpoint that the delta was made from")) << answer.text;
    EXPECT_EQ(entries("out"), 0u);
}

TEST_F(ToolCheckpoint, WhatExistsIsNeverReplaced) {
    ASSERT_EQ(dws("diff" + paths("base", "next") + " " + path("d")).status, 0);
    const auto before = files("base");
    for (const std::string& arguments : {"diff" + paths("base", "next") + " " + path("d"),
                                         "diff" + paths("base", "next") + " " + path("base"),
                                         "patch" + paths("base", "d") + " " + path("base")}) {
        const Answer answer = dws(arguments);
        EXPECT_EQ(answer.status, 1);
        EXPECT_TRUE(answer.has(" exists already; ")) << answer.text;
    }
    EXPECT_EQ(files("base"), before);
}

TEST_F(ToolCheckpoint, OtherArraysAreNamed) {
    Random random(3);
    fs::remove_all(folder_ / "next");
    write_shard(folder_ / "next/model.safetensors", {{"a.scale", DType::kF32, {12}}}, random);
    const Answer answer = dws("diff" + paths("base", "next") + " " + path("d"));
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("array a.scale is F32 [11] in BASE and F32 [12] in NEXT"))
        << answer.text;
    EXPECT_EQ(answer.lines(), 1);
    ASSERT_EQ(push("base").status, 0);
    const Answer pushed = push("next");
    EXPECT_EQ(pushed.status, 1);
    EXPECT_TRUE(pushed.has("array a.scale is F32 [12] in CHECKPOINT and F32 [11] in the run"))
        << pushed.text;
    EXPECT_EQ(log()->versions.size(), 1u);
}

TEST_F(ToolCheckpoint, ADamagedDeltaLeavesNoOut) {
    ASSERT_EQ(dws("diff" + paths("base", "next") + " " + path("d")).status, 0);
    Bytes delta = read_file(folder_ / "d");
    delta[delta.size() - 9] ^= std::byte{1};
    write_file(folder_ / "d", delta);
    const Answer answer = dws("patch --json" + paths("base", "d") + " " + path("out"));
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("{\"ok\":false,\"problem\":\"DELTA: ")) << answer.text;
    EXPECT_EQ(entries("out"), 0u);
}

// Wherever it is killed: there is no folder under its name, or it is whole.
TEST_F(ToolCheckpoint, AKilledPatchLeavesNoHalfFolder) {
    ASSERT_EQ(dws("diff" + paths("base", "next") + " " + path("d")).status, 0);
    const std::string verb = std::string(BINARY_ROOT) + "/dws patch" + paths("base", "d") + " ";
    for (int delay_ms = 2; delay_ms <= 60; delay_ms += 4) {
        const std::string out = "out" + std::to_string(delay_ms);
        char limit[16];
        std::snprintf(limit, sizeof(limit), "0.%03d", delay_ms);
        call_command(std::string("timeout -s KILL ") + limit + " " + verb + path(out));
        if (!fs::exists(folder_ / out)) continue;
        EXPECT_EQ(files(out), files("next")) << delay_ms;
    }
}

TEST_F(ToolCheckpoint, PullGivesBackWhatWasPushed) {
    const Answer first = push("base");
    EXPECT_EQ(first.status, 0) << first.text;
    EXPECT_TRUE(first.has("version 0 of run run | anchor ")) << first.text;
    const Answer second = push("next");
    EXPECT_EQ(second.status, 0) << second.text;
    EXPECT_TRUE(second.has("version 1 of run run | delta ")) << second.text;
    EXPECT_TRUE(second.has("other files 0 bytes in 0 new objects")) << second.text;
    EXPECT_EQ(push("base", "--codec gap_delta").status, 0);
    for (const auto& [version, name] : {std::pair("0", "base"), {"1", "next"}, {"2", "base"}}) {
        const std::string out = std::string("out") + version;
        const Answer answer = pull(out, std::string("--version ") + version);
        EXPECT_EQ(answer.status, 0) << answer.text;
        EXPECT_EQ(answer.lines(), 1) << answer.text;
        EXPECT_EQ(files(out), files(name));
    }
    EXPECT_EQ(pull("newest").status, 0);
    EXPECT_EQ(files("newest"), files("base"));
    const Answer verified = dws("verify" + place());
    EXPECT_EQ(verified.status, 0) << verified.text;
}

TEST_F(ToolCheckpoint, ARealPairOfShardedModelsComesBack) {
    for (const std::string name : {"checkpoint_base", "checkpoint_next"}) {
        const Answer pushed = dws("push" + place() + kGolden + name);
        EXPECT_EQ(pushed.status, 0) << pushed.text;
    }
    EXPECT_EQ(pull("out0", "--version 0").status, 0);
    EXPECT_EQ(pull("out1").status, 0);
    EXPECT_EQ(files("out0"), files_below(kGolden + "checkpoint_base"));
    EXPECT_EQ(files("out1"), files_below(kGolden + "checkpoint_next"));
}

TEST_F(ToolCheckpoint, AnUnchangedCheckpointIsNotPublished) {
    ASSERT_EQ(push("base").status, 0);
    const Answer again = push("base");
    EXPECT_EQ(again.status, 0);
    EXPECT_TRUE(again.has("unchanged: version 0 of run run")) << again.text;
    EXPECT_TRUE(push("base", "--json").has("\"published\":false")) << again.text;
    EXPECT_EQ(log()->position.next_sequence, 1u);
}

TEST_F(ToolCheckpoint, AChangedFileAloneIsAVersion) {
    ASSERT_EQ(push("base").status, 0);
    write_text(folder_ / "base/config.json", "{\"model_type\":\"other\"}");
    const Answer answer = push("base");
    EXPECT_EQ(answer.status, 0) << answer.text;
    EXPECT_TRUE(answer.has("0 words changed (0.000 %) | other files ")) << answer.text;
    EXPECT_TRUE(answer.has(" in 2 new objects")) << answer.text;  // the file and the manifest
    EXPECT_EQ(pull("out").status, 0);
    EXPECT_EQ(files("out"), files("base"));
}

TEST_F(ToolCheckpoint, TheLastCheckpointSavesRebuildingIt) {
    ASSERT_EQ(push("base").status, 0);
    const Answer wrong = push("next", "--base " + path("next"));
    EXPECT_EQ(wrong.status, 1);
    EXPECT_TRUE(wrong.has("next is not version 0 of the run")) << wrong.text;
    // With every word gone from the bucket only --base can do it.
    const Result<RunLog> before = log();
    fs::remove(folder_ / "bucket/run" / before->versions.front().objects.front().key);
    const Answer missing = push("next");
    EXPECT_EQ(missing.status, 1);
    EXPECT_TRUE(missing.has("missing: ")) << missing.text;
    const Answer answer = push("next", "--base " + path("base"));
    EXPECT_EQ(answer.status, 0) << answer.text;
}

TEST_F(ToolCheckpoint, AMissingOrDamagedObjectLeavesNoOut) {
    ASSERT_EQ(push("base").status, 0);
    std::vector<ObjectRef> objects = log()->versions.front().objects;
    ASSERT_EQ(objects.size(), 7u);  // anchor, manifest, five files
    objects.resize(3);
    for (const ObjectRef& object : objects) {
        const fs::path place = folder_ / "bucket/run" / object.key;
        const Bytes whole = read_file(place);
        fs::remove(place);
        const Answer missing = pull("out");
        EXPECT_EQ(missing.status, 1);
        EXPECT_TRUE(missing.has("missing: no object run/" + object.key)) << missing.text;
        EXPECT_TRUE(missing.has("`dws verify` names")) << missing.text;
        Bytes damaged = whole;
        if (!damaged.empty()) damaged.back() ^= std::byte{1};
        if (damaged.empty()) damaged.push_back(std::byte{1});
        write_file(place, damaged);
        const Answer corrupt = pull("out");
        EXPECT_EQ(corrupt.status, 1);
        EXPECT_TRUE(corrupt.has("corrupt: " + object.key)) << corrupt.text;
        write_file(place, whole);
    }
    EXPECT_EQ(entries("out"), 0u);
    EXPECT_EQ(pull("out").status, 0);
}

TEST_F(ToolCheckpoint, AnOutThatCannotBeWrittenIsNotTheBucketsFault) {
    ASSERT_EQ(push("base").status, 0);
    // The first file that is written is larger than a file may be here: as on a full disk.
    const Answer limited = call_command("ulimit -f 8; trap '' XFSZ; " + std::string(BINARY_ROOT) +
                                        "/dws pull" + place() + path("out"));
    EXPECT_EQ(limited.status, 1);
    EXPECT_TRUE(limited.has("dws: OUT: " + path("out") + ".partial-")) << limited.text;
    EXPECT_TRUE(limited.has("check the disk")) << limited.text;
    const Answer nowhere = pull("none/out");
    EXPECT_EQ(nowhere.status, 1);
    EXPECT_TRUE(nowhere.has("there is no folder to write it in; check the path")) << nowhere.text;
    EXPECT_EQ(entries("out"), 0u);
}

TEST_F(ToolCheckpoint, NothingIsPushedIntoALogWithAHole) {
    ASSERT_EQ(push("base").status, 0);
    ASSERT_EQ(push("next").status, 0);
    fs::remove(folder_ / "bucket" / log_key("run", 1));
    const Answer answer = push("base");
    EXPECT_EQ(answer.status, 1);
    EXPECT_TRUE(answer.has("record 1 is gone from the log: record 2 is there")) << answer.text;
}

TEST_F(ToolCheckpoint, JsonSpellsNamesAsTheyAre) {
    write_file(folder_ / "base/na\u00efve.txt", bytes_of("text"));
    ASSERT_EQ(push("base").status, 0);
    const std::string manifest = log()->versions.front().objects[1].key;
    const Answer named = dws("inspect --json " + path("bucket/run/" + manifest));
    EXPECT_TRUE(named.has("\"path\":\"na\u00efve.txt\"")) << named.text;
    // Bytes that are no text are escaped: the line stays JSON.
    const Answer broken = dws("inspect --json " + path("$(printf 'no\\377ne')"));
    EXPECT_TRUE(broken.has("no\\u00ffne: No such file")) << broken.text;
}

TEST_F(ToolCheckpoint, ForeignNamesDoNotSpeakToTheTerminal) {
    const Bytes word(4);
    write_file(
        folder_ / "odd",
        write_safetensors(std::vector<TensorView>{{{"a\x1b[2J", DType::kF32, {1}}, word}}, {}));
    for (const std::string& command :
         {"inspect " + path("odd"), "diff" + paths("odd", "base") + " x"}) {
        const Answer answer = dws(command);
        EXPECT_TRUE(answer.has("a\\x1b[2J")) << answer.text;
        EXPECT_FALSE(answer.has("\x1b")) << answer.text;
    }
}

TEST_F(ToolCheckpoint, PullNamesWhatIsNotThere) {
    ASSERT_EQ(push("base").status, 0);
    const Answer version = pull("out", "--version 7");
    EXPECT_EQ(version.status, 1);
    EXPECT_TRUE(version.has("no version 7, its newest is 0")) << version.text;
    const Answer run = dws("pull" + place("other") + path("out"));
    EXPECT_EQ(run.status, 1);
    EXPECT_TRUE(run.has("check --bucket and --run")) << run.text;
    EXPECT_EQ(pull("base").status, 1);  // taken
    EXPECT_EQ(entries("out"), 0u);
}

// A follower of the weights passes over the files.
TEST_F(ToolCheckpoint, AFollowerTakesPushedVersions) {
    ASSERT_EQ(push("base").status, 0);
    ASSERT_EQ(push("next").status, 0);
    const Result<Checkpoint> next = open_checkpoint(folder_ / "next");
    ASSERT_TRUE(next);
    const auto bucket = open_bucket(path("bucket"), {}, {}, {}, BucketAccess::read);
    TestFollower follower(*bucket, next->table);
    ASSERT_TRUE(follower.reach(1)) << follower.faults.all();
    EXPECT_EQ(follower.words(), *read_words(*next, {}));
}

TEST_F(ToolCheckpoint, ATrainersRunIsPulledAsOneFileAndNotPushedTo) {
    const ArrayTable table = small_table();
    const auto bucket = open_bucket(path("bucket"), {}, {});
    TestTrainer trainer(*bucket, table, 1);
    ASSERT_TRUE(trainer.start_with_anchor());
    ASSERT_TRUE(trainer.publish_version(100));
    const Answer pulled = pull("out");
    EXPECT_EQ(pulled.status, 0) << pulled.text;
    EXPECT_EQ(files("out").size(), 1u);
    const Bytes file = read_file(folder_ / "out/model.safetensors");
    const Result<SafetensorsView> view = SafetensorsView::parse(file);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->metadata().at("format"), "pt");
    for (std::size_t array = 0; array < table.layout().specs().size(); ++array) {
        const TensorSpec& spec = table.layout().specs()[array];
        const TensorView* tensor = view->find(spec.name);
        ASSERT_NE(tensor, nullptr);
        EXPECT_EQ(tensor->spec, spec);
        const auto words = std::span(trainer.words())
                               .subspan(table.layout().offset_bytes(array), tensor->data.size());
        EXPECT_TRUE(std::ranges::equal(tensor->data, words));
    }
    const Answer pushed = push("out");
    EXPECT_EQ(pushed.status, 1);
    EXPECT_TRUE(pushed.has("run run is a trainer's")) << pushed.text;
}

TEST_F(ToolCheckpoint, OfTwoPushesAtOnceTheLogHoldsWhatWasSaid) {
    ASSERT_EQ(push("base").status, 0);
    const std::string verb = std::string(BINARY_ROOT) + "/dws push" + place();
    const Answer both =
        call_command("{ " + verb + path("next") + " & " + verb + path("next") + " & wait; }");
    EXPECT_TRUE(both.has("version 1 of run run | delta ")) << both.text;
    EXPECT_EQ(dws("verify" + place()).status, 0);
    EXPECT_EQ(push("next").status, 0);
    EXPECT_EQ(pull("out").status, 0);
    EXPECT_EQ(files("out"), files("next"));
}

TEST_F(ToolCheckpoint, InspectSaysWhatIsInEachKindOfFile) {
    ASSERT_EQ(dws("diff" + paths("base", "next") + " " + path("d")).status, 0);
    const Answer delta = dws("inspect " + path("d"));
    EXPECT_EQ(delta.status, 0) << delta.text;
    EXPECT_TRUE(delta.has("delta from version 0 to version 1, encoding compact")) << delta.text;
    EXPECT_TRUE(delta.has("tiles of 65,536 words: ")) << delta.text;
    EXPECT_TRUE(delta.has("--base CHECKPOINT shows them")) << delta.text;
    const Answer named = dws("inspect " + path("d") + " --base " + path("base"));
    EXPECT_TRUE(named.has("z.weight")) << named.text;
    const Answer folder = dws("inspect " + path("base"));
    EXPECT_EQ(folder.status, 0);
    EXPECT_TRUE(folder.has("6 arrays, ")) << folder.text;
    EXPECT_TRUE(folder.has("[300,250]")) << folder.text;
    const Answer json = dws("inspect --json " + path("base"));
    EXPECT_TRUE(json.has("{\"kind\":\"checkpoint\",\"arrays\":6,")) << json.text;
    EXPECT_EQ(json.lines(), 7);
    ASSERT_EQ(push("base").status, 0);
    const std::vector<ObjectRef> objects = log()->versions.front().objects;
    for (const ObjectRef& object : objects) {
        if (!object.key.ends_with(".safetensors")) continue;
        const Answer part = dws("inspect " + path("bucket/run/" + object.key));
        EXPECT_EQ(part.status, 0) << part.text;
        EXPECT_TRUE(part.has("z.weight")) << part.text;
    }
    EXPECT_EQ(dws("inspect " + path("base/config.json")).status, 1);
    EXPECT_TRUE(dws("inspect " + path("none")).has("check the path"));
}

TEST_F(ToolCheckpoint, AWrongCommandLineIsUsageAndHelpHasExamples) {
    for (const std::string verb : {"diff", "patch", "inspect", "push", "pull"}) {
        EXPECT_EQ(dws(verb).status, 2) << verb;
        EXPECT_EQ(dws(verb + " --no-such-flag a b c").status, 2) << verb;
        const Answer help = dws(verb + " --help");
        EXPECT_EQ(help.status, 0);
        EXPECT_TRUE(help.has("Example:\n  dws " + verb)) << help.text;
    }
    EXPECT_EQ(dws("diff a b c --codec zip").status, 2);
    EXPECT_EQ(dws("pull --version -1" + place() + path("out")).status, 2);
    EXPECT_EQ(dws("pull" + place("../run") + path("out")).status, 2);
}

}  // namespace
}  // namespace dws
