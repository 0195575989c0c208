#include "configs/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "base/identity.h"

namespace dws {
namespace {

class ConfigTest : public testing::Test {
protected:
    ConfigTest() { std::filesystem::create_directories(folder_); }
    ~ConfigTest() override { std::filesystem::remove_all(folder_); }

    Config load(std::string_view yaml, const std::vector<std::string>& overrides = {}) const {
        std::ofstream(file_) << yaml;
        return load_config(file_, overrides);
    }

    // What load() throws, without the folder.
    std::string refusal(std::string_view yaml,
                        const std::vector<std::string>& overrides = {}) const {
        try {
            load(yaml, overrides);
        } catch (const std::runtime_error& error) {
            std::string text = error.what();
            const std::string prefix = folder_.string() + "/";
            if (text.starts_with(prefix)) text.erase(0, prefix.size());
            EXPECT_EQ(text.find('\n'), std::string::npos) << text;
            return text;
        }
        return "";
    }

    const std::string kFirst = PublicIdentity{}.text();
    const std::string kSecond = PublicIdentity{{}, {std::byte{1}}}.text();
    const std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("config_test." + std::to_string(getpid()));
    const std::filesystem::path file_ = folder_ / "a.yaml";
};

TEST_F(ConfigTest, AnEmptyFileIsAllDefaults) {
    for (const std::string_view yaml :
         {"", "# nothing\n", "---\n", "trainer:\n", "trainer: {}\n"}) {
        const Config config = load(yaml);
        EXPECT_EQ(config.trainer.steps, TrainerSection{}.steps) << yaml;
        EXPECT_EQ(config.model.config, "") << yaml;
    }
}

TEST_F(ConfigTest, EveryKeyReachesItsField) {
    const Config config = load(R"(
run: {name: night/1, output: out/n, seed: 18446744073709551615}
bucket: {uri: file:///b, latency_ms: 1.5, put_latency_ms: 43, megabit_per_s: 2,
         retry_deadline_s: 3, limit_megabit_per_s: 4, unfenced: true}
doorbell: {inside: "tcp://i:1", outside: "tcp://o:2", poll_ms: 4}
model: {config: /m/c.json, checkpoint: /m/w.safetensors, init: trained, products: bf16}
sync: {encoding: raw, file_mib: 5, files_in_flight: 2, full_rescan: false,
       rescan_tiles: 6}
env: {endpoint: "tcp://e:3", rules: textarena, words: w.txt, secrets: 7, secrets_seed: 8,
      sessions_max: 9, sessions_per_client: 5, requests_per_second: 6, session_expiry_s: 10}
worker: {threads: 11, sync_threads: 10, slots: 12, weight_copies: 2, group_size: 13,
         temperature: 0.14, kv_policy: recompute, cache_tokens: 43, prompt_tokens: 44,
         groups_ahead_max: 15, staleness_max_steps: 16, hold_back_versions: 17, win_reward: 18,
         speed_reward: 19, green_reward: 20, yellow_reward: 21, valid_reward: -22}
trainer: {threads: 23, steps: 24, groups_per_step: 25, learning_rate: 26e-3, lr_warmup_steps: 27,
          beta1: 0.28, beta2: 0.29, epsilon: 1e-30, weight_decay: 31, gradient_clip: 32,
          recompute: true,
          dead_band: 33, advantage: episode, correction: clipped, ratio_max: 34, ratio_clip: 0.35,
          max_staleness_steps: 36,
          warm_start: {steps: 37, games_per_step: 38, learning_rate: 39, warmup_steps: 40}}
evaluation: {games: 41, seed: 42}
keys: {own: /k/me.key, memory: /k/seen, trainer: )" +
                               kFirst + R"(, since: "7:ab",
       workers: [)" + kFirst + ", " +
                               kSecond + R"(], compactors: [)" + kSecond + R"(],
       environment: )" + kSecond +
                               R"(, doorbell: )" + kFirst + R"(, insecure: true}
)");
    EXPECT_EQ(config.run.name, "night/1");
    EXPECT_EQ(config.run.output, "out/n");
    EXPECT_EQ(config.run.seed, 18446744073709551615u);
    EXPECT_EQ(config.bucket.uri, "file:///b");
    EXPECT_EQ(config.bucket.latency_ms, 1.5);
    EXPECT_EQ(config.bucket.put_latency_ms, 43);
    EXPECT_EQ(config.bucket.megabit_per_s, 2);
    EXPECT_EQ(config.bucket.retry_deadline_s, 3);
    EXPECT_EQ(config.bucket.limit_megabit_per_s, 4);
    EXPECT_TRUE(config.bucket.unfenced);
    EXPECT_EQ(config.doorbell.inside, "tcp://i:1");
    EXPECT_EQ(config.doorbell.outside, "tcp://o:2");
    EXPECT_EQ(config.doorbell.poll_ms, 4);
    EXPECT_EQ(config.model.config, "/m/c.json");
    EXPECT_EQ(config.model.checkpoint, "/m/w.safetensors");
    EXPECT_EQ(config.model.init, "trained");
    EXPECT_EQ(config.model.products, "bf16");
    EXPECT_EQ(config.sync.encoding, "raw");
    EXPECT_EQ(config.sync.file_mib, 5);
    EXPECT_EQ(config.sync.files_in_flight, 2);
    EXPECT_FALSE(config.sync.full_rescan);
    EXPECT_EQ(config.sync.rescan_tiles, 6);
    EXPECT_EQ(config.env.endpoint, "tcp://e:3");
    EXPECT_EQ(config.env.rules, "textarena");
    EXPECT_EQ(config.env.words, "w.txt");
    EXPECT_EQ(config.env.secrets, 7);
    EXPECT_EQ(config.env.secrets_seed, 8u);
    EXPECT_EQ(config.env.sessions_max, 9);
    EXPECT_EQ(config.env.sessions_per_client, 5);
    EXPECT_EQ(config.env.requests_per_second, 6);
    EXPECT_EQ(config.env.session_expiry_s, 10);
    EXPECT_EQ(config.worker.threads, 11);
    EXPECT_EQ(config.worker.sync_threads, 10);
    EXPECT_EQ(config.worker.slots, 12);
    EXPECT_EQ(config.worker.weight_copies, 2);
    EXPECT_EQ(config.worker.group_size, 13);
    EXPECT_EQ(config.worker.temperature, 0.14);
    EXPECT_EQ(config.worker.kv_policy, "recompute");
    EXPECT_EQ(config.worker.cache_tokens, 43);
    EXPECT_EQ(config.worker.prompt_tokens, 44);
    EXPECT_EQ(config.worker.groups_ahead_max, 15);
    EXPECT_EQ(config.worker.staleness_max_steps, 16);
    EXPECT_EQ(config.worker.hold_back_versions, 17);
    EXPECT_EQ(config.worker.win_reward, 18);
    EXPECT_EQ(config.worker.speed_reward, 19);
    EXPECT_EQ(config.worker.green_reward, 20);
    EXPECT_EQ(config.worker.yellow_reward, 21);
    EXPECT_EQ(config.worker.valid_reward, -22);
    EXPECT_EQ(config.trainer.threads, 23);
    EXPECT_EQ(config.trainer.steps, 24);
    EXPECT_EQ(config.trainer.groups_per_step, 25);
    EXPECT_EQ(config.trainer.learning_rate, 26e-3);
    EXPECT_EQ(config.trainer.lr_warmup_steps, 27);
    EXPECT_EQ(config.trainer.beta1, 0.28);
    EXPECT_EQ(config.trainer.beta2, 0.29);
    EXPECT_EQ(config.trainer.epsilon, 1e-30);
    EXPECT_EQ(config.trainer.weight_decay, 31);
    EXPECT_EQ(config.trainer.gradient_clip, 32);
    EXPECT_TRUE(config.trainer.recompute);
    EXPECT_EQ(config.trainer.dead_band, 33);
    EXPECT_EQ(config.trainer.advantage, "episode");
    EXPECT_EQ(config.trainer.correction, "clipped");
    EXPECT_EQ(config.trainer.ratio_max, 34);
    EXPECT_EQ(config.trainer.ratio_clip, 0.35);
    EXPECT_EQ(config.trainer.max_staleness_steps, 36);
    EXPECT_EQ(config.trainer.warm_start.steps, 37);
    EXPECT_EQ(config.trainer.warm_start.games_per_step, 38);
    EXPECT_EQ(config.trainer.warm_start.learning_rate, 39);
    EXPECT_EQ(config.trainer.warm_start.warmup_steps, 40);
    EXPECT_EQ(config.evaluation.games, 41);
    EXPECT_EQ(config.evaluation.seed, 42u);
    EXPECT_EQ(config.keys.own, "/k/me.key");
    EXPECT_EQ(config.keys.memory, "/k/seen");
    EXPECT_EQ(config.keys.trainer, kFirst);
    EXPECT_EQ(config.keys.since, "7:ab");
    EXPECT_EQ(config.keys.workers, (std::vector{kFirst, kSecond}));
    EXPECT_EQ(config.keys.compactors, std::vector{kSecond});
    EXPECT_EQ(config.keys.environment, kSecond);
    EXPECT_EQ(config.keys.doorbell, kFirst);
    EXPECT_TRUE(config.keys.insecure);
}

TEST_F(ConfigTest, AListMayStandInOneTextWithCommas) {
    const std::vector<std::string> overrides{"keys.workers=" + kFirst + "," + kSecond,
                                             "keys.compactors="};
    const Config config = load("keys: {compactors: [" + kFirst + "]}\n", overrides);
    EXPECT_EQ(config.keys.workers, (std::vector{kFirst, kSecond}));
    EXPECT_TRUE(config.keys.compactors.empty());
}

TEST_F(ConfigTest, WhatIsNoPublicKeyIsRefusedWhereItStands) {
    EXPECT_TRUE(refusal("keys:\n  trainer: hello\n").starts_with("a.yaml:2: keys.trainer: "));
    EXPECT_NE(refusal("keys:\n  trainer: hello\n").find("dws keygen"), std::string::npos);
    EXPECT_TRUE(refusal("keys: {workers: [" + kFirst + ", hello]}\n")
                    .starts_with("a.yaml:1: keys.workers: "));
    EXPECT_TRUE(refusal("keys: {workers: [[a]]}\n").starts_with("a.yaml:1: keys.workers: "));
    EXPECT_TRUE(refusal("keys: {workers: }\n").starts_with("a.yaml:1: keys.workers: "));
    EXPECT_TRUE(refusal("", {"keys.environment=x"}).starts_with("--set: keys.environment: "));
    EXPECT_EQ(refusal("keys: {insecure: [true]}\n"),
              "a.yaml:1: keys.insecure: expected true | false, got a list");
}

// Nor is it repeated: what is printed ends in logs.
TEST_F(ConfigTest, APrivateKeyIsRefusedWhereverItStands) {
    const std::string secret = "dws-secret-" + std::string(86, 'x');
    for (const std::string& yaml :
         {"keys: {own: " + secret + "}\n", "keys: {workers: [" + secret + "]}\n",
          "# " + secret + "\n", "run: {name: " + secret + "}\n",
          std::string("run:\n  name: |\n    -----BEGIN PRIVATE KEY-----\n    MC4CAQ\n")}) {
        const std::string said = refusal(yaml);
        EXPECT_NE(said.find("PRIVATE key"), std::string::npos) << said;
        EXPECT_NE(said.find("dws keygen"), std::string::npos) << said;
        EXPECT_EQ(said.find("xxx"), std::string::npos) << said;
    }
    const std::string said = refusal("", {"keys.own=" + secret});
    EXPECT_TRUE(said.starts_with("--set keys.own: a PRIVATE key")) << said;
    EXPECT_EQ(said.find("xxx"), std::string::npos) << said;
}

TEST_F(ConfigTest, AFileOfMoreThanAMebibyteIsNoExperiment) {
    EXPECT_NE(refusal("# " + std::string(1 << 20, 'x')).find("1 MiB"), std::string::npos);
}

TEST_F(ConfigTest, AnUnknownKeyIsAnsweredWithTheNearest) {
    EXPECT_EQ(refusal("trainer:\n  threads: 1\n  stpes: 3\n"),
              "a.yaml:3: unknown key 'trainer.stpes'; did you mean 'trainer.steps'?");
    EXPECT_EQ(refusal("trainr:\n  epsilon: 1\n"),
              "a.yaml:2: unknown key 'trainr.epsilon'; did you mean 'trainer.epsilon'?");
    EXPECT_EQ(refusal("trainer:\n  warm_start:\n    step: 1\n"),
              "a.yaml:3: unknown key 'trainer.warm_start.step'; did you mean "
              "'trainer.warm_start.steps'?");
}

TEST_F(ConfigTest, AnUnknownSectionIsAnErrorThoughEmpty) {
    EXPECT_TRUE(refusal("trainr:\n").starts_with("a.yaml:1: unknown key 'trainr'"));
    EXPECT_TRUE(refusal("trainr: {}\n").starts_with("a.yaml:1: unknown key 'trainr'"));
}

TEST_F(ConfigTest, AValueOfTheWrongTypeIsNamed) {
    EXPECT_EQ(refusal("trainer:\n  steps: abc\n"),
              "a.yaml:2: trainer.steps: expected an integer, got 'abc'");
    EXPECT_EQ(refusal("trainer:\n  steps: 1.5\n"),
              "a.yaml:2: trainer.steps: expected an integer, got '1.5'");
    EXPECT_EQ(refusal("trainer:\n  steps: [1]\n"),
              "a.yaml:2: trainer.steps: expected an integer, got a list");
    EXPECT_EQ(refusal("trainer:\n  steps:\n"),
              "a.yaml:2: trainer.steps: expected an integer, got nothing");
    EXPECT_EQ(refusal("trainer: 5\n"), "a.yaml:1: trainer: expected keys below it, got '5'");
    EXPECT_EQ(refusal("sync: {full_rescan: yes}\n"),
              "a.yaml:1: sync.full_rescan: expected true | false, got 'yes'");
    EXPECT_EQ(refusal("run: {seed: -1}\n"),
              "a.yaml:1: run.seed: expected an integer from 0 to 2^64 - 1, got '-1'");
    EXPECT_EQ(refusal("worker: {win_reward: 1x}\n"),
              "a.yaml:1: worker.win_reward: expected a number, got '1x'");
}

TEST_F(ConfigTest, NumbersMustBeFinite) {
    for (const std::string text : {"inf", "nan", ".inf", "1e999", "-inf"})
        EXPECT_NE(refusal("worker: {win_reward: " + text + "}\n"), "") << text;
}

TEST_F(ConfigTest, IntegersMustFit) {
    EXPECT_NE(refusal("trainer: {steps: 99999999999999999999}\n"), "");
    EXPECT_EQ(refusal("trainer: {steps: 1000000001}\n"),
              "a.yaml:1: trainer.steps: expected an integer from 0 to 1000000000, got "
              "'1000000001'");
}

TEST_F(ConfigTest, ASectionBelowAKeyIsUnknown) {
    EXPECT_EQ(refusal("trainer: {steps: {a: 1}}\n"),
              "a.yaml:1: unknown key 'trainer.steps.a'; did you mean 'trainer.steps'?");
}

TEST_F(ConfigTest, WordsOutsideTheirChoicesAreRefused) {
    EXPECT_EQ(refusal("sync: {encoding: zip}\n"),
              "a.yaml:1: sync.encoding: expected auto | x | f | gap_delta | raw, got 'zip'");
    for (const std::string yaml :
         {"model: {init: zeros}", "model: {products: fp8}", "env: {rules: chess}",
          "worker: {kv_policy: drop}", "trainer: {advantage: game}", "trainer: {correction: none}",
          "trainer: {correction: ''}"})
        EXPECT_NE(refusal(yaml).find(" | "), std::string::npos) << yaml;
}

TEST_F(ConfigTest, ValuesOutsideTheirRangeAreRefused) {
    for (const std::string yaml : {"run: {name: ''}",
                                   "run: {output: ''}",
                                   "bucket: {uri: ''}",
                                   "bucket: {latency_ms: -1}",
                                   "bucket: {megabit_per_s: -1}",
                                   "bucket: {retry_deadline_s: -1}",
                                   "bucket: {limit_megabit_per_s: -1}",
                                   "bucket: {unfenced: maybe}",
                                   "doorbell: {poll_ms: 0}",
                                   "model: {config: ''}",
                                   "sync: {file_mib: 0}",
                                   "sync: {file_mib: 9999999}",
                                   "sync: {files_in_flight: 0}",
                                   "sync: {rescan_tiles: 0}",
                                   "env: {secrets: -1}",
                                   "env: {sessions_max: 0}",
                                   "env: {session_expiry_s: 0}",
                                   "env: {sessions_per_client: -1}",
                                   "env: {requests_per_second: 0}",
                                   "worker: {threads: 0}",
                                   "worker: {slots: 0}",
                                   "worker: {weight_copies: 3}",
                                   "worker: {group_size: 0}",
                                   "worker: {temperature: 0}",
                                   "worker: {cache_tokens: -1}",
                                   "worker: {prompt_tokens: 0}",
                                   "worker: {groups_ahead_max: 0}",
                                   "worker: {staleness_max_steps: -1}",
                                   "worker: {hold_back_versions: -1}",
                                   "trainer: {threads: 0}",
                                   "trainer: {steps: -1}",
                                   "trainer: {groups_per_step: 0}",
                                   "trainer: {learning_rate: -1}",
                                   "trainer: {lr_warmup_steps: -1}",
                                   "trainer: {beta1: 1}",
                                   "trainer: {beta2: -0.1}",
                                   "trainer: {epsilon: 0}",
                                   "trainer: {weight_decay: -1}",
                                   "trainer: {gradient_clip: 0}",
                                   "trainer: {dead_band: -1}",
                                   "trainer: {ratio_max: 0}",
                                   "trainer: {ratio_clip: 1.1}",
                                   "trainer: {max_staleness_steps: -1}",
                                   "trainer: {warm_start: {steps: -1}}",
                                   "trainer: {warm_start: {games_per_step: 0}}",
                                   "evaluation: {games: -1}"})
        EXPECT_NE(refusal(yaml).find(": expected "), std::string::npos) << yaml;
}

TEST_F(ConfigTest, TheKeysOfAChatReachTheirFields) {
    const Config config = load("model: {tokenizer: t.json}\nworker: {thinking: true}\n");
    EXPECT_EQ(config.model.tokenizer, (folder_ / "t.json").string());
    EXPECT_TRUE(config.worker.thinking);
    EXPECT_EQ(load("").model.tokenizer, "");
}

TEST_F(ConfigTest, AChatHasNoDemonstrationsAndLettersHoldNoThoughts) {
    EXPECT_EQ(refusal("model: {tokenizer: t.json}\ntrainer: {warm_start: {steps: 1}}\n"),
              "a.yaml: trainer.warm_start.steps: demonstrations are played in letters; with "
              "model.tokenizer it must be 0");
    EXPECT_EQ(refusal("worker: {thinking: true}\n"),
              "a.yaml: worker.thinking: letters hold no thoughts; it needs model.tokenizer");
}

TEST_F(ConfigTest, AKeyThatStandsTwiceIsRefused) {
    EXPECT_EQ(refusal("trainer:\n  steps: 1\n  steps: 1\n"),
              "a.yaml:3: key 'trainer.steps' stands twice; keep one");
    EXPECT_EQ(refusal("trainer: {steps: 1}\nrun: {seed: 1}\ntrainer: {threads: 1}\n"),
              "a.yaml:3: key 'trainer' stands twice; keep one");
    EXPECT_EQ(refusal("trainer: {steps: 1}\ntrainer.steps: 1\n"),
              "a.yaml:2: key 'trainer.steps' stands twice; keep one");
}

TEST_F(ConfigTest, BadYamlIsNamedWithItsLine) {
    EXPECT_TRUE(refusal("trainer:\n  steps: [1\n").starts_with("a.yaml:")) << refusal("a: [1\n");
    EXPECT_TRUE(refusal("a: 1\nb: *none\n").starts_with("a.yaml:2: not YAML: "));
    EXPECT_TRUE(refusal("a: b: c\n").starts_with("a.yaml:1: not YAML: "));
}

TEST_F(ConfigTest, AFileThatIsNoSectionsIsRefused) {
    EXPECT_TRUE(refusal("hello\n").starts_with("a.yaml:1: expected sections"));
    EXPECT_TRUE(refusal("- 1\n- 2\n").starts_with("a.yaml:1: expected sections"));
    EXPECT_TRUE(refusal("? [a]\n: 1\n").starts_with("a.yaml:1: "));
}

TEST_F(ConfigTest, ASecondDocumentIsNotOverlooked) {
    EXPECT_EQ(refusal("run: {seed: 1}\n---\nrun: {seed: 2}\n"),
              "a.yaml: several documents; remove the '---'");
}

TEST_F(ConfigTest, AStrayCommaOrBracketDoesNotHangIt) {
    for (const std::string yaml : {",1", "]", "}", "run: {seed: 1}\n,", ", , ,\n"})
        EXPECT_NE(refusal(yaml), "") << yaml;
}

TEST_F(ConfigTest, AliasesCannotSayMoreThanAFile) {
    std::string yaml = "a: &a " + std::string(2000, 'x') + "\nb: &b [";
    for (int item = 0; item < 300; ++item) yaml += "*a, ";
    yaml += "]\n";
    for (int key = 0; key < 300; ++key) yaml += "c" + std::to_string(key) + ": *b\n";
    EXPECT_NE(refusal(yaml).find("aliases say more than 1 MiB"), std::string::npos);
}

TEST_F(ConfigTest, AliasesCannotDescribeAnEndlessTree) {
    std::string yaml = "a0: &a0 {k: 1, l: 1}\n";
    for (int level = 1; level < 30; ++level) {
        const std::string here = std::to_string(level), below = std::to_string(level - 1);
        yaml.append("a").append(here).append(": &a").append(here).append(" {k: *a").append(below);
        yaml.append(", l: *a").append(below).append("}\n");
    }
    EXPECT_NE(refusal(yaml), "");
}

TEST_F(ConfigTest, AMissingFileIsNamed) {
    try {
        load_config(folder_ / "none.yaml", {});
        FAIL() << "loaded a file that is not there";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("none.yaml"), std::string::npos);
    }
}

TEST_F(ConfigTest, AFolderIsNoFile) { EXPECT_THROW(load_config(folder_, {}), std::runtime_error); }

TEST_F(ConfigTest, OverridesWinAndTheLastOfThem) {
    const Config config = load("trainer: {steps: 1}\n", {"trainer.steps=2", "trainer.steps=3",
                                                         "run.name=a=b", "doorbell.inside="});
    EXPECT_EQ(config.trainer.steps, 3);
    EXPECT_EQ(config.run.name, "a=b");
    EXPECT_EQ(config.doorbell.inside, "");
}

TEST_F(ConfigTest, OverridesAreCheckedLikeTheFile) {
    EXPECT_EQ(refusal("", {"trainer.stpes=2"}),
              "--set: unknown key 'trainer.stpes'; did you mean 'trainer.steps'?");
    EXPECT_EQ(refusal("", {"trainer.steps=x"}),
              "--set: trainer.steps: expected an integer, got 'x'");
    EXPECT_EQ(refusal("", {"trainer=1"}), "--set: trainer: expected keys below it, got '1'");
    EXPECT_EQ(refusal("", {"trainer.steps"}), "--set trainer.steps: expected KEY=VALUE");
    EXPECT_EQ(refusal("", {"=1"}), "--set =1: expected KEY=VALUE");
}

TEST_F(ConfigTest, TheOwnKeyIsRelativeToTheFile) {
    EXPECT_EQ(load("keys: {own: me.key}\n").keys.own, (folder_ / "me.key").string());
    EXPECT_EQ(load("", {"keys.own=../me.key"}).keys.own,
              (folder_.parent_path() / "me.key").string());
    EXPECT_EQ(load("").keys.own, "");
}

TEST_F(ConfigTest, PathsOfTheModelAreRelativeToTheFile) {
    const Config config = load("model: {config: ../m/config.json, checkpoint: w.safetensors}\n");
    EXPECT_EQ(config.model.config, (folder_.parent_path() / "m/config.json").string());
    EXPECT_EQ(config.model.checkpoint, (folder_ / "w.safetensors").string());
}

TEST_F(ConfigTest, AbsoluteAndEmptyPathsStayAsTheyAre) {
    const Config config = load("model: {config: /m/config.json, checkpoint: ''}\n");
    EXPECT_EQ(config.model.config, "/m/config.json");
    EXPECT_EQ(config.model.checkpoint, "");
}

TEST_F(ConfigTest, OtherPathsAreRelativeToTheWorkingFolder) {
    const Config config = load("run: {output: out/x}\nbucket: {uri: out/b}\nenv: {words: w}\n");
    EXPECT_EQ(config.run.output, "out/x");
    EXPECT_EQ(config.bucket.uri, "out/b");
    EXPECT_EQ(config.env.words, "w");
}

}  // namespace
}  // namespace dws
