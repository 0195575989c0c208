#include "experiments/trillion/moe_layout.h"

#include <string>
#include <utility>

namespace dws {

namespace {

class LayoutWriter {
public:
    explicit LayoutWriter(const MoeShape& shape) : shape_(shape) {}

    void add(std::string name, std::vector<std::int64_t> extents, DType dtype = DType::kBF16) {
        specs_.push_back({std::move(name), dtype, std::move(extents)});
    }

    void add_layer(std::int64_t layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        add(prefix + "input_layernorm.weight", {shape_.hidden});
        add_attention(prefix + "self_attn.");
        add(prefix + "post_attention_layernorm.weight", {shape_.hidden});
        const std::string mlp = prefix + "mlp.";
        if (layer < shape_.dense_layers) {
            add_mlp(mlp, shape_.dense_intermediate);
            return;
        }
        add(mlp + "gate.weight", {shape_.experts, shape_.hidden});
        add(mlp + "gate.e_score_correction_bias", {shape_.experts}, DType::kF32);
        for (std::int64_t expert = 0; expert < shape_.experts; ++expert) {
            add_mlp(mlp + "experts." + std::to_string(expert) + ".", shape_.expert_intermediate);
        }
        add_mlp(mlp + "shared_experts.", shape_.shared_experts * shape_.expert_intermediate);
    }

    std::size_t size() const { return specs_.size(); }
    std::vector<TensorSpec> take() { return std::move(specs_); }

private:
    void add_attention(const std::string& prefix) {
        const std::int64_t head = shape_.head_plain + shape_.head_rotary;
        add(prefix + "q_a_proj.weight", {shape_.query_rank, shape_.hidden});
        add(prefix + "q_a_layernorm.weight", {shape_.query_rank});
        add(prefix + "q_b_proj.weight", {shape_.heads * head, shape_.query_rank});
        add(prefix + "kv_a_proj_with_mqa.weight",
            {shape_.key_value_rank + shape_.head_rotary, shape_.hidden});
        add(prefix + "kv_a_layernorm.weight", {shape_.key_value_rank});
        add(prefix + "kv_b_proj.weight",
            {shape_.heads * (shape_.head_plain + shape_.head_value), shape_.key_value_rank});
        add(prefix + "o_proj.weight", {shape_.hidden, shape_.heads * shape_.head_value});
    }

    void add_mlp(const std::string& prefix, std::int64_t intermediate) {
        add(prefix + "gate_proj.weight", {intermediate, shape_.hidden});
        add(prefix + "up_proj.weight", {intermediate, shape_.hidden});
        add(prefix + "down_proj.weight", {shape_.hidden, intermediate});
    }

    const MoeShape shape_;
    std::vector<TensorSpec> specs_;
};

}  // namespace

MoeLayout moe_layout(const MoeShape& shape) {
    LayoutWriter writer(shape);
    MoeLayout layout;
    writer.add("model.embed_tokens.weight", {shape.vocabulary, shape.hidden});
    for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
        layout.layer_starts.push_back(writer.size());
        writer.add_layer(layer);
    }
    layout.layer_starts.push_back(writer.size());
    writer.add("model.norm.weight", {shape.hidden});
    writer.add("lm_head.weight", {shape.vocabulary, shape.hidden});
    layout.specs = writer.take();
    return layout;
}

}  // namespace dws
