// Checkpoints as Hugging Face tools save them: a folder with one file, or with shards and an index.
#include <gtest/gtest.h>

#include <map>

#include "tests/model/golden_model.h"

namespace dws {
namespace {

using Shards = std::map<std::string, std::vector<TensorView>>;  // file -> its arrays

class CheckpointDir : public testing::TestWithParam<bool> {
protected:
    CheckpointDir() : CheckpointDir(GetParam()) {}
    explicit CheckpointDir(bool is_tied) {
        config_ = GoldenModel(is_tied ? "group2_tied" : "group2_untied").config;
        words_ = round_to_bf16(initial_weights(config_, 5));
    }

    // The model's arrays, array i in shard i % shards.
    Shards shards(std::size_t count) const {
        const TensorLayout layout = weight_layout(config_);
        Shards files;
        for (std::size_t i = 0; i < layout.specs().size(); ++i) {
            const TensorSpec& spec = layout.specs()[i];
            files[shard_name(i % count)].push_back(
                {spec, std::as_bytes(std::span(words_))
                           .subspan(layout.offset_bytes(i), spec.elements() * sizeof(Bf16))});
        }
        return files;
    }
    static std::string shard_name(std::size_t index) {
        return "model-0000" + std::to_string(index + 1) + "-of-00003.safetensors";
    }

    void write_shard(const std::string& name, const std::vector<TensorView>& arrays) const {
        const Bytes bytes = write_safetensors(arrays, {{"format", "pt"}});
        folder_.write(name, std::string(text_of(bytes)));
    }
    // extra: entries of the index beside the shards' own.
    void write_folder(const Shards& files, const std::string& extra = "") const {
        std::string map = extra;
        for (const auto& [name, arrays] : files) {
            write_shard(name, arrays);
            for (const TensorView& array : arrays) {
                map += (map.empty() ? "" : ",") + quoted(array.spec.name) + ":" + quoted(name);
            }
        }
        folder_.write("model.safetensors.index.json",
                      R"({"metadata":{"total_size":1},"weight_map":{)" + map + "}}");
    }
    static std::string quoted(const std::string& text) { return "\"" + text + "\""; }

    // Loading the folder fails with a message that holds all of these.
    void expect_refused(const std::vector<std::string>& parts) const {
        try {
            load_weights(config_, folder_.path());
            ADD_FAILURE() << "accepted";
        } catch (const std::runtime_error& error) {
            for (const std::string& part : parts) {
                EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
                    << error.what() << " lacks " << part;
            }
        }
    }
    void expect_loads() const {
        EXPECT_EQ(round_to_bf16(load_weights(config_, folder_.path())), words_);
    }

    const TemporaryFolder folder_;
    ModelConfig config_;
    std::vector<Bf16> words_;
};

TEST_P(CheckpointDir, OneFileIsFound) {
    write_shard("model.safetensors", shards(1).begin()->second);
    expect_loads();
}

TEST_P(CheckpointDir, ShardsAreFoundByTheIndex) {
    write_folder(shards(3));
    expect_loads();
}

// What tools prefer when an upload left both.
TEST_P(CheckpointDir, OneFileGoesBeforeAnIndex) {
    write_shard("model.safetensors", shards(1).begin()->second);
    folder_.write("model.safetensors.index.json", "not even JSON");
    expect_loads();
}

TEST_P(CheckpointDir, OtherArraysAndFilesAreLeftAlone) {
    Shards files = shards(2);
    const std::vector<float> other(3, 1.0f);
    files.begin()->second.push_back(
        {{"visual.weight", DType::kF32, {3}}, std::as_bytes(std::span(other))});
    write_folder(files);
    folder_.write("optimizer.safetensors", "anything");
    expect_loads();
}

// The refusal comes before memory for the larger model is taken.
TEST_P(CheckpointDir, AFarLargerModelThanTheFilesIsRefused) {
    write_folder(shards(2));
    config_.vocab_size = 2'000'000'000;
    expect_refused({"model.embed_tokens.weight"});
}

TEST_P(CheckpointDir, AMissingShardIsNamed) {
    write_folder(shards(3));
    std::filesystem::remove(folder_.path() / shard_name(1));
    expect_refused({(folder_.path() / shard_name(1)).string(), "cannot be read"});
}

TEST_P(CheckpointDir, AShardThatIsCutShortIsNamed) {
    write_folder(shards(3));
    const std::filesystem::path shard = folder_.path() / shard_name(2);
    std::filesystem::resize_file(shard, std::filesystem::file_size(shard) - 1);
    expect_refused({shard.string()});
    std::filesystem::resize_file(shard, 5);
    expect_refused({shard.string()});
}

TEST_P(CheckpointDir, AnArrayThatIsNotInItsShardIsNamed) {
    Shards files = shards(3);
    const std::string array = files.begin()->second.back().spec.name;
    write_folder(files);
    files.begin()->second.pop_back();
    write_shard(files.begin()->first, files.begin()->second);
    expect_refused({files.begin()->first, array, "missing"});
}

TEST_P(CheckpointDir, AnArrayThatIsNotInTheIndexIsNamed) {
    Shards files = shards(3);
    const std::string array = files.begin()->second.back().spec.name;
    files.begin()->second.pop_back();
    write_folder(files);
    expect_refused({folder_.path().string(), array, "missing"});
}

TEST_P(CheckpointDir, AnArrayOfAnotherShapeIsNamed) {
    Shards files = shards(3);
    TensorSpec& spec = files.begin()->second.front().spec;
    std::swap(spec.shape[0], spec.shape[1]);
    write_folder(files);
    expect_refused({files.begin()->first, spec.name, "shape"});
}

TEST_P(CheckpointDir, AnIndexThatLeadsElsewhereIsRefused) {
    for (const std::string name : {"../stolen.safetensors", "/etc/passwd", "sub/a.safetensors",
                                   "..", ".", "", "a\\\\b", "a\\u0000b"}) {
        write_folder(shards(3), quoted("x") + ":" + quoted(name));
        expect_refused({"model.safetensors.index.json", "beside"});
    }
}

TEST_P(CheckpointDir, AnIndexThatIsNoneIsNamed) {
    for (const std::string text :
         {"", "[]", "{}", R"({"weight_map": 3})", R"({"weight_map": {"a": 3}})"}) {
        folder_.write("model.safetensors.index.json", text);
        expect_refused({"model.safetensors.index.json"});
    }
}

TEST_P(CheckpointDir, AFolderWithoutWeightsIsNamed) {
    expect_refused({folder_.path().string(), "model.safetensors"});
}

INSTANTIATE_TEST_SUITE_P(Models, CheckpointDir, testing::Bool(), [](const auto& variant) {
    return std::string(variant.param ? "Tied" : "Untied");
});

class TiedCheckpoint : public CheckpointDir {
protected:
    TiedCheckpoint() : CheckpointDir(true) {}

    // The embedding's words once more, as some tools save them.
    void write_with_head(const std::vector<Bf16>& head) const {
        Shards files = shards(1);
        TensorSpec spec = files.begin()->second.front().spec;
        spec.name = "lm_head.weight";
        files.begin()->second.push_back({spec, std::as_bytes(std::span(head))});
        write_shard("model.safetensors", files.begin()->second);
    }
    std::vector<Bf16> embedding() const {
        const std::size_t elements = weight_layout(config_).specs()[0].elements();
        return {words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(elements)};
    }
};

TEST_F(TiedCheckpoint, AHeadThatEqualsTheEmbeddingIsTheEmbedding) {
    write_with_head(embedding());
    expect_loads();
}

TEST_F(TiedCheckpoint, AHeadThatDiffersIsAnotherModel) {
    std::vector<Bf16> head = embedding();
    head.back() = static_cast<Bf16>(head.back() ^ 1);
    write_with_head(head);
    expect_refused({"lm_head.weight", "tie_word_embeddings"});
}

TEST(ConfigFolder, ConfigJsonInAFolderIsFound) {
    const TemporaryFolder folder;
    std::filesystem::copy_file(std::filesystem::path(SOURCE_ROOT) / "experiments" /
                                   "01_wordle_tiny" / "model" / "config.json",
                               folder.path() / "config.json");
    EXPECT_EQ(load_model_config(folder.path()).hidden_size, tiny_config().hidden_size);
    std::filesystem::remove(folder.path() / "config.json");
    EXPECT_THROW(load_model_config(folder.path()), std::runtime_error);
}

}  // namespace
}  // namespace dws
