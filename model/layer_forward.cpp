#include "model/layer_forward.h"

#include "model/layer_matrices.h"

namespace dws {
namespace {

// What an operation on one layer of one run looks at.
struct Place {
    const Pass& pass;
    const Run& run;
    const LayerOffsets& at;
    const LayerMatrices weights;
    const LayerParts own;

    Place(const Pass& of, const Run& over, std::size_t layer)
        : pass(of),
          run(over),
          at(of.offsets.layers[layer]),
          weights(of.config, of.words.data(), at),
          own(of.parts(layer)) {}

    const Bf16* words(std::size_t offset) const { return pass.words.data() + offset; }
    std::size_t residual_size() const {
        return static_cast<std::size_t>(run.tokens) * static_cast<std::size_t>(pass.hidden);
    }
    // x normed into the buffer of that name.
    const float* norm(const float* x, std::size_t weight) const {
        float* normed = pass.kept.buffers.normed.data();
        pass.backend.rms_norm(x, words(weight), normed, run.tokens, pass.hidden,
                              pass.config.norm_epsilon);
        return normed;
    }
};

void project_heads(const Place& place) {
    const Pass& pass = place.pass;
    pass.backend.matmul(place.norm(place.own.input, place.at.input_norm),
                        place.weights.query_key_value, place.own.qkv, place.run.tokens, pass.hidden,
                        Sum::kOverwrite);
}

void attend(const Place& place) {
    const Pass& pass = place.pass;
    float* heads = pass.kept.buffers.heads.data();
    pass.backend.norm_rope(pass.config, place.own.qkv, place.words(place.at.query_norm),
                           place.words(place.at.key_norm),
                           pass.kept.positions.data() + place.run.first_token, pass.kept.table,
                           heads, place.run.tokens);
    pass.backend.attention(pass.config, heads, place.run.starts, place.own.mixed,
                           place.own.log_totals);
}

void add_attention(const Place& place) {
    const Pass& pass = place.pass;
    pass.backend.copy(place.own.input, place.own.middle, place.residual_size());
    pass.backend.matmul(place.own.mixed, place.weights.output, place.own.middle, place.run.tokens,
                        pass.query_width, Sum::kAdd);
}

void widen_mlp(const Place& place) {
    const Pass& pass = place.pass;
    pass.backend.matmul(place.norm(place.own.middle, place.at.mlp_norm), place.weights.gate_up,
                        place.own.gate_up, place.run.tokens, pass.hidden, Sum::kOverwrite);
}

void add_mlp(const Place& place, float* result) {
    const Pass& pass = place.pass;
    float* product = pass.kept.buffers.product.data();
    pass.backend.swiglu(place.own.gate_up, product, place.run.tokens, pass.config.mlp_size);
    pass.backend.copy(place.own.middle, result, place.residual_size());
    pass.backend.matmul(product, place.weights.down, result, place.run.tokens, pass.config.mlp_size,
                        Sum::kAdd);
}

}  // namespace

LayerParts Pass::parts(std::size_t layer) const {
    LayerActivations& own = kept.layers[layer];
    LayerActivations& rest = recompute ? kept.shared : own;
    return {own.input.data(),      rest.qkv.data(),    own.mixed.data(),
            own.log_totals.data(), rest.middle.data(), rest.gate_up.data()};
}

float* Pass::result(std::size_t layer) const {
    return layer + 1 < kept.layers.size() ? kept.layers[layer + 1].input.data()
                                          : kept.output.data();
}

void embed_run(const Pass& pass, const Run& run, std::span<const std::int32_t> tokens) {
    pass.backend.embed(pass.words.data() + pass.offsets.embedding, tokens.data() + run.first_token,
                       pass.kept.layers[0].input.data(), run.tokens, pass.hidden);
}

void layer_forward(const Pass& pass, const Run& run, std::size_t layer) {
    const Place place(pass, run, layer);
    project_heads(place);
    attend(place);
    add_attention(place);
    widen_mlp(place);
    add_mlp(place, pass.result(layer));
}

void layer_again(const Pass& pass, const Run& run, std::size_t layer) {
    const Place place(pass, run, layer);
    project_heads(place);
    add_attention(place);
    widen_mlp(place);
}

}  // namespace dws
