#include "model/head.h"

#include <algorithm>
#include <functional>

#include "base/require.h"

namespace dws {
namespace {

// Fills the head's rows and normed.
void norm_rows(const Pass& pass, const Run& run) {
    HeadBuffers& head = pass.kept.head;
    const int rows = static_cast<int>(run.rows.size());
    pass.backend.gather_rows(pass.kept.output.data(), run.rows.data(), head.rows.data(), rows,
                             pass.hidden);
    pass.backend.rms_norm(head.rows.data(), pass.words.data() + pass.offsets.final_norm,
                          head.normed.data(), rows, pass.hidden, pass.config.norm_epsilon);
}

std::size_t size_of(int rows, int columns) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
}

}  // namespace

void head_logits(const Pass& pass, const Run& run, std::span<float> logits) {
    const WeightMatrix head[] = {{pass.words.data() + pass.offsets.head, pass.config.vocab_size}};
    norm_rows(pass, run);
    pass.backend.matmul(pass.kept.head.normed.data(), head,
                        logits.data() + size_of(run.first_row, pass.config.vocab_size),
                        static_cast<int>(run.rows.size()), pass.hidden, Sum::kOverwrite);
}

HeadPass::HeadPass(const Pass& pass, const PassOptions& options, const LossChunk& loss,
                   std::span<float> gradients)
    : pass_(pass), options_(options), loss_(loss), gradients_(gradients) {
    require(options.logit_rows >= 1, "a chunk has rows");
    require(has_all_columns() ||
                (options.columns.front() >= 0 && options.columns.back() < pass.config.vocab_size &&
                 std::ranges::adjacent_find(options.columns, std::greater_equal{}) ==
                     options.columns.end()),
            "columns are ascending tokens of the vocabulary");
    HeadBuffers& head = pass.kept.head;
    columns_ =
        has_all_columns() ? pass.config.vocab_size : static_cast<int>(options.columns.size());
    const Bf16* words = pass.words.data() + pass.offsets.head;
    head_ = {words, columns_};
    d_head_ = {gradients.data() + pass.offsets.head, columns_};
    if (has_all_columns()) return;
    head.words.resize(size_of(columns_, pass.hidden));
    head.gradients.assign(size_of(columns_, pass.hidden), 0.0f);
    pass.backend.gather_words(words, options.columns.data(), head.words.data(), columns_,
                              pass.hidden);
    head_.words = head.words.data();
    d_head_.values = head.gradients.data();
}

void HeadPass::run(const Run& run) {
    HeadBuffers& head = pass_.kept.head;
    const int rows = static_cast<int>(run.rows.size());
    norm_rows(pass_, run);
    for (int first = 0; first < rows; first += options_.logit_rows) {
        run_chunk(run, first, std::min(options_.logit_rows, rows - first));
    }
    // `normed` has served: it becomes the gradient of the rows' residual.
    std::vector<float>& d_residual = pass_.kept.buffers.d_residual;
    std::fill_n(head.normed.begin(), size_of(rows, pass_.hidden), 0.0f);
    std::fill_n(d_residual.begin(), size_of(run.tokens, pass_.hidden), 0.0f);
    pass_.backend.rms_norm_backward(head.rows.data(), pass_.words.data() + pass_.offsets.final_norm,
                                    head.d_normed.data(), head.normed.data(),
                                    gradients_.data() + pass_.offsets.final_norm, rows,
                                    pass_.hidden, pass_.config.norm_epsilon);
    pass_.backend.scatter_rows(head.normed.data(), run.rows.data(), d_residual.data(), rows,
                               pass_.hidden);
}

void HeadPass::run_chunk(const Run& run, int first, int rows) {
    HeadBuffers& head = pass_.kept.head;
    const std::size_t size = size_of(rows, columns_);
    const std::size_t at = size_of(first, pass_.hidden);
    reach(head.logits, static_cast<std::size_t>(rows), columns_);
    reach(head.d_logits, static_cast<std::size_t>(rows), columns_);
    const std::span<float> logits = std::span(head.logits).first(size);
    const std::span<float> d_logits = std::span(head.d_logits).first(size);
    const float* normed = head.normed.data() + at;

    pass_.backend.matmul(normed, {&head_, 1}, logits.data(), rows, pass_.hidden, Sum::kOverwrite);
    loss_(static_cast<std::size_t>(run.first_row + first), logits, d_logits);
    pass_.backend.matmul_weight_gradient(d_logits.data(), normed, {&d_head_, 1}, rows,
                                         pass_.hidden);
    pass_.backend.matmul_input_gradient(d_logits.data(), {&head_, 1}, head.d_normed.data() + at,
                                        rows, pass_.hidden, Sum::kOverwrite);
}

void HeadPass::finish() {
    if (has_all_columns()) return;
    pass_.backend.scatter_rows(pass_.kept.head.gradients.data(), options_.columns.data(),
                               gradients_.data() + pass_.offsets.head, columns_, pass_.hidden);
}

}  // namespace dws
