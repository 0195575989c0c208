#include "model/forward.h"

#include "base/require.h"
#include "model/head.h"

namespace dws {

void ActivationsDeleter::operator()(Activations* activations) const { delete activations; }

ActivationsPointer make_activations() {
    return ActivationsPointer(std::make_unique<Activations>().release());
}

// No way back: nothing needs to be kept, so the layers share what they can.
void forward(const ModelConfig& config, std::span<const Bf16> words, const TokenBatch& batch,
             Backend& backend, Activations& activations, std::span<float> logits) {
    const WeightOffsets offsets(config);
    require(words.size() == offsets.elements, "words are the flat array of this model");
    check_batch(config, batch);
    require(logits.size() == batch.rows.size() * static_cast<std::size_t>(config.vocab_size),
            "logits are (R, V)");
    const Pass pass{config, words, offsets, backend, activations, /*recompute=*/true};
    prepare(config, batch, backend, pass.recompute, /*goes_back=*/false, activations);
    for (const Run& run : activations.runs) {
        if (run.rows.empty()) continue;
        embed_run(pass, run, batch.tokens);
        for (std::size_t layer = 0; layer < offsets.layers.size(); ++layer) {
            layer_forward(pass, run, layer);
        }
        head_logits(pass, run, logits);
    }
}

}  // namespace dws
