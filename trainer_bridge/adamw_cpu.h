// AdamW, the cast to bf16 and the search for changed words in one pass: a tile's words are compared
// where they are written, while they are in L2. No snapshot of the old weights is needed, and what
// is reported is exact by construction.
//
// Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2, as torch.optim.AdamW computes it; g is
// the gradient times gradient_scale, t counts steps from 1:
//
//   m_t     = b1 m_{t-1} + (1 - b1) g_t
//   v_t     = b2 v_{t-1} + (1 - b2) g_t^2
//   theta_t = theta_{t-1} (1 - lr lambda)
//             - lr m_t / (1 - b1^t) / (sqrt(v_t) / sqrt(1 - b2^t) + epsilon)
//
// Dead-band: with one, a word is published only when |master - published| exceeds it. The rest
// stays in the fp32 master (error feedback): nothing is lost, it only comes later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/weights.h"
#include "sync/array_table.h"
#include "sync/changes.h"
#include "sync/codec/step_encoder.h"

namespace dws {

struct AdamWOptions {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0;  // lambda
    double dead_band = 0;     // 0: published words are always round(master)
};

// What differs from step to step.
struct AdamWStep {
    std::int64_t number = 1;  // t
    double learning_rate = 0;
    double gradient_scale = 1;  // below 1: the gradient's norm was clipped
};

// All of (elements,), by the element offsets of the table's flat buffer; gaps are never touched.
struct AdamWState {
    std::vector<float> master;
    std::vector<float> first_moment;   // m
    std::vector<float> second_moment;  // v
    std::vector<Bf16> published;       // the words of the newest version, or the one to come

    // published = round(master), moments 0.
    explicit AdamWState(std::vector<float> initial);
    // The same of the master as it stands, in place.
    void restart();
};

// gradients: (elements,). Returns what became of the published words. The table's arrays are all
// BF16. The result does not depend on `threads`.
Changes adamw_step(const ArrayTable& table, const AdamWOptions& options, const AdamWStep& step,
                   std::span<const float> gradients, AdamWState& state, int threads);

// The same step; what became of the published words is encoded on the way, while a tile is in
// cache. encoder: made for this table and at least as many threads.
EncodedStep adamw_step(const ArrayTable& table, const AdamWOptions& options, const AdamWStep& step,
                       std::span<const float> gradients, AdamWState& state, int threads,
                       StepEncoder& encoder);

}  // namespace dws
