#include "model/weights.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/model/golden_model.h"

namespace dws {
namespace {

float float_of(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

TEST(ToBf16, RoundsToNearestTiesToEven) {
    EXPECT_EQ(to_bf16(float_of(0x3f800000)), 0x3f80);  // 1, exact
    EXPECT_EQ(to_bf16(float_of(0x3f807fff)), 0x3f80);  // just below the middle
    EXPECT_EQ(to_bf16(float_of(0x3f808000)), 0x3f80);  // the middle, even below
    EXPECT_EQ(to_bf16(float_of(0x3f808001)), 0x3f81);  // just above the middle
    EXPECT_EQ(to_bf16(float_of(0x3f818000)), 0x3f82);  // the middle, even above
    EXPECT_EQ(to_bf16(float_of(0x3f817fff)), 0x3f81);
    EXPECT_EQ(to_bf16(float_of(0xbf818000)), 0xbf82);  // and the same below zero
    EXPECT_EQ(to_bf16(float_of(0xbf808000)), 0xbf80);
    EXPECT_EQ(to_bf16(float_of(0x3fffffff)), 0x4000);  // carries into the exponent
}

TEST(ToBf16, KeepsZerosDenormalsAndInfinities) {
    EXPECT_EQ(to_bf16(0.0f), 0x0000);
    EXPECT_EQ(to_bf16(-0.0f), 0x8000);
    EXPECT_EQ(to_bf16(float_of(0x00000001)), 0x0000);  // smallest denormal
    EXPECT_EQ(to_bf16(float_of(0x80008000)), 0x8000);  // a tie among denormals
    EXPECT_EQ(to_bf16(float_of(0x00018000)), 0x0002);
    EXPECT_EQ(to_bf16(float_of(0x007fffff)), 0x0080);  // rounds up to the smallest normal
    EXPECT_EQ(to_bf16(float_of(0x7f7fffff)), 0x7f80);  // the largest float becomes infinite
    EXPECT_EQ(to_bf16(float_of(0x7f7f7fff)), 0x7f7f);
    EXPECT_EQ(to_bf16(std::numeric_limits<float>::infinity()), 0x7f80);
    EXPECT_EQ(to_bf16(-std::numeric_limits<float>::infinity()), 0xff80);
}

TEST(ToBf16, NanStaysNan) {
    for (const std::uint32_t bits :
         {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0xffffffffu, 0xff800001u, 0x7f80ffffu}) {
        const Bf16 word = to_bf16(float_of(bits));
        EXPECT_TRUE(std::isnan(from_bf16(word))) << bits;
        EXPECT_EQ(word >> 15, bits >> 31) << bits;
    }
}

TEST(ToBf16, EveryWordSurvivesTheWayThroughFloat) {
    for (std::uint32_t word = 0; word < 0x10000; ++word) {
        const float value = from_bf16(static_cast<Bf16>(word));
        if (!std::isnan(value)) {
            EXPECT_EQ(to_bf16(value), word);
        }
    }
}

TEST(Layout, NamesAndShapesAreHuggingFaces) {
    const GoldenModel golden("group2_untied");
    const TensorLayout layout = weight_layout(golden.config);
    EXPECT_EQ(layout.specs().size(), 2u * 11 + 3);
    for (const TensorSpec& spec : layout.specs()) {
        EXPECT_EQ(golden.gradient(spec.name).size(), spec.elements()) << spec.name;
        EXPECT_EQ(spec.dtype, DType::kBF16);
    }
}

TEST(Layout, OffsetsAreTheLayoutsInElements) {
    for (const std::string& name : golden_names()) {
        const ModelConfig config = GoldenModel(name).config;
        const TensorLayout layout = weight_layout(config);
        const WeightOffsets offsets(config);
        const auto at = [&layout](const std::string& weight) {
            return layout.offset_bytes(*layout.index_of(weight)) / 2;
        };
        EXPECT_EQ(offsets.elements * 2, layout.size_bytes());
        EXPECT_EQ(offsets.embedding, at("model.embed_tokens.weight"));
        EXPECT_EQ(offsets.final_norm, at("model.norm.weight"));
        EXPECT_EQ(offsets.head,
                  config.has_tied_embeddings ? offsets.embedding : at("lm_head.weight"));
        for (std::size_t layer = 0; layer < offsets.layers.size(); ++layer) {
            const std::string prefix = "model.layers." + std::to_string(layer) + ".";
            const LayerOffsets& own = offsets.layers[layer];
            EXPECT_EQ(own.input_norm, at(prefix + "input_layernorm.weight"));
            EXPECT_EQ(own.query, at(prefix + "self_attn.q_proj.weight"));
            EXPECT_EQ(own.key, at(prefix + "self_attn.k_proj.weight"));
            EXPECT_EQ(own.value, at(prefix + "self_attn.v_proj.weight"));
            EXPECT_EQ(own.output, at(prefix + "self_attn.o_proj.weight"));
            EXPECT_EQ(own.query_norm, at(prefix + "self_attn.q_norm.weight"));
            EXPECT_EQ(own.key_norm, at(prefix + "self_attn.k_norm.weight"));
            EXPECT_EQ(own.mlp_norm, at(prefix + "post_attention_layernorm.weight"));
            EXPECT_EQ(own.gate, at(prefix + "mlp.gate_proj.weight"));
            EXPECT_EQ(own.up, at(prefix + "mlp.up_proj.weight"));
            EXPECT_EQ(own.down, at(prefix + "mlp.down_proj.weight"));
        }
    }
}

// FNV-1a over the bits of every number.
std::uint64_t hash_of(const std::vector<float>& values) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const float value : values) {
        hash = (hash ^ __builtin_bit_cast(std::uint32_t, value)) * 0x100000001b3u;
    }
    return hash;
}

TEST(InitialWeights, ASeedGivesTheSameBitsOnEveryMachine) {
    EXPECT_EQ(hash_of(initial_weights(tiny_config(), 1)), 15494067579732358511u);
    EXPECT_NE(hash_of(initial_weights(tiny_config(), 2)),
              hash_of(initial_weights(tiny_config(), 1)));
}

TEST(InitialWeights, HaveTheStatedDeviations) {
    const ModelConfig config = tiny_config();
    const std::vector<float> values = initial_weights(config, 7);
    const TensorLayout layout = weight_layout(config);
    for (std::size_t i = 0; i < layout.specs().size(); ++i) {
        const TensorSpec& spec = layout.specs()[i];
        const std::span<const float> array =
            std::span(values).subspan(layout.offset_bytes(i) / sizeof(Bf16), spec.elements());
        if (spec.shape.size() == 1) {
            for (const float value : array) EXPECT_EQ(value, 1.0f) << spec.name;
            continue;
        }
        double total = 0, squares = 0;
        for (const float value : array) {
            total += value;
            squares += static_cast<double>(value) * value;
        }
        const double count = static_cast<double>(array.size());
        double expected = 1 / std::sqrt(static_cast<double>(spec.shape[1]));
        if (spec.name.ends_with("o_proj.weight") || spec.name.ends_with("down_proj.weight")) {
            expected /= std::sqrt(6.0);
        }
        // Five standard errors: of the mean 1/sqrt(n), of the deviation 1/sqrt(2n).
        EXPECT_NEAR(total / count, 0, 5 * expected / std::sqrt(count)) << spec.name;
        EXPECT_NEAR(std::sqrt(squares / count), expected, 5 * expected / std::sqrt(2 * count))
            << spec.name;
    }
}

TEST(InitialWeights, GapsAreZero) {
    const ModelConfig config = GoldenModel("group2_untied").config;
    const std::vector<float> values = initial_weights(config, 7);
    const TensorLayout layout = weight_layout(config);
    std::size_t zeros = 0, elements = 0;
    for (const float value : values) zeros += value == 0.0f;
    for (const TensorSpec& spec : layout.specs()) elements += spec.elements();
    EXPECT_GT(values.size(), elements);
    EXPECT_GE(zeros, values.size() - elements);
    EXPECT_EQ(values[29 * 20], 0.0f);  // behind the (29, 20) embedding, which is no multiple of 32
}

TEST(Checkpoint, SavedWordsLoadBitForBit) {
    const TemporaryFolder folder;
    for (const std::string& name : golden_names()) {
        const ModelConfig config = GoldenModel(name).config;
        const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
        save_weights(config, words, folder.path() / "model.safetensors");
        EXPECT_EQ(round_to_bf16(load_weights(config, folder.path() / "model.safetensors")), words);
    }
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "model.safetensors.part"));
}

TEST(Checkpoint, AFolderThatDoesNotExistIsNamed) {
    const ModelConfig config = tiny_config();
    const std::vector<Bf16> words = round_to_bf16(initial_weights(config, 3));
    EXPECT_THROW(save_weights(config, words, "/nonexistent/x.safetensors"), std::runtime_error);
    EXPECT_THROW(load_weights(config, "/nonexistent/x.safetensors"), std::runtime_error);
}

// A whole checkpoint whose array number `chosen` is `other`; empty bytes leave the array out.
void write_checkpoint(const ModelConfig& config, const std::filesystem::path& file,
                      std::size_t chosen, const TensorSpec& other, const Bytes& data) {
    const TensorLayout layout = weight_layout(config);
    const Bytes zeros(layout.size_bytes());
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < layout.specs().size(); ++i) {
        const TensorSpec& spec = layout.specs()[i];
        if (i == chosen && data.empty()) continue;
        if (i == chosen) {
            views.push_back({other, data});
        } else {
            views.push_back({spec, std::span(zeros).subspan(0, 2 * spec.elements())});
        }
    }
    const Bytes bytes = write_safetensors(views, {});
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
}

template <class Word>
Bytes bytes_from(const std::vector<Word>& words) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(words));
    return Bytes(bytes.begin(), bytes.end());
}

class CheckpointArray : public testing::Test {
protected:
    // The final norm, (20,): of all arrays the one whose numbers are given.
    std::vector<float> norm_read_from(DType dtype, const Bytes& data) {
        TensorSpec spec = layout_.specs()[index_];
        spec.dtype = dtype;
        write_checkpoint(config_, file_, index_, spec, data);
        const std::vector<float> values = load_weights(config_, file_);
        const auto first =
            values.begin() + static_cast<std::ptrdiff_t>(layout_.offset_bytes(index_) / 2);
        return {first, first + 20};
    }
    // Loading fails with a message that names the file and `what`.
    void expect_refused(const TensorSpec& spec, const Bytes& data, const std::string& what) {
        write_checkpoint(config_, file_, index_, spec, data);
        try {
            load_weights(config_, file_);
            ADD_FAILURE() << "accepted without " << what;
        } catch (const std::runtime_error& error) {
            const std::string message = error.what();
            EXPECT_NE(message.find(file_.string()), std::string::npos) << message;
            EXPECT_NE(message.find("model.norm.weight"), std::string::npos) << message;
            EXPECT_NE(message.find(what), std::string::npos) << message;
        }
    }

    const TemporaryFolder folder_;
    const std::filesystem::path file_ = folder_.path() / "model.safetensors";
    const ModelConfig config_ = GoldenModel("group2_untied").config;  // D = 20
    const TensorLayout layout_ = weight_layout(config_);
    const std::size_t index_ = *layout_.index_of("model.norm.weight");
};

TEST_F(CheckpointArray, F32IsReadExactly) {
    std::vector<float> numbers(20, 0.1f);
    numbers[3] = 1e-40f;
    EXPECT_EQ(norm_read_from(DType::kF32, bytes_from(numbers)), numbers);
}

TEST_F(CheckpointArray, F16IsReadExactly) {
    std::vector<std::uint16_t> halves(20, 0x3c00);  // 1
    halves[1] = 0xc000;                             // -2
    halves[2] = 0x0001;                             // 2^-24, the smallest denormal
    halves[3] = 0x03ff;                             // the largest denormal
    halves[4] = 0x7bff;                             // 65504, the largest
    halves[5] = 0xfc00;                             // -infinity
    halves[6] = 0x3555;                             // 0.333251953125
    halves[7] = 0x8000;                             // -0
    halves[8] = 0x7e00;                             // NaN
    const std::vector<float> read = norm_read_from(DType::kF16, bytes_from(halves));
    EXPECT_EQ(read[0], 1.0f);
    EXPECT_EQ(read[1], -2.0f);
    EXPECT_EQ(read[2], 0x1p-24f);
    EXPECT_EQ(read[3], 1023 * 0x1p-24f);
    EXPECT_EQ(read[4], 65504.0f);
    EXPECT_EQ(read[5], -std::numeric_limits<float>::infinity());
    EXPECT_EQ(read[6], 0.333251953125f);
    EXPECT_TRUE(read[7] == 0.0f && std::signbit(read[7]));
    EXPECT_TRUE(std::isnan(read[8]));
}

TEST_F(CheckpointArray, Bf16IsReadExactly) {
    const std::vector<float> read =
        norm_read_from(DType::kBF16, bytes_from(std::vector<Bf16>(20, 0xc0a0)));
    EXPECT_EQ(read, std::vector<float>(20, -5.0f));
}

TEST_F(CheckpointArray, OtherTypesAreRefused) {
    TensorSpec spec = layout_.specs()[index_];
    spec.dtype = DType::kI16;
    expect_refused(spec, Bytes(40), "I16");
}

TEST_F(CheckpointArray, AMissingArrayIsNamed) {
    expect_refused(layout_.specs()[index_], {}, "missing");
}

TEST_F(CheckpointArray, AnotherShapeIsRefused) {
    TensorSpec spec = layout_.specs()[index_];
    spec.shape = {4, 5};
    expect_refused(spec, Bytes(40), "(4, 5)");
    spec.shape = {21};
    expect_refused(spec, Bytes(42), "(21)");
}

TEST(Checkpoint, AFileThatIsNoSafetensorsIsNamed) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder.write("model.safetensors", "not such a file");
    try {
        load_weights(tiny_config(), file);
        ADD_FAILURE() << "accepted";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos);
    }
}

}  // namespace
}  // namespace dws
