#include "experiments/model_speed/onednn_matmul.h"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>

namespace dws {
namespace {

using dnnl::memory;

memory::desc description(int rows, int columns, bool is_transposed, memory::data_type type) {
    const memory::dims strides = is_transposed ? memory::dims{1, rows} : memory::dims{columns, 1};
    return {{rows, columns}, type, strides};
}

struct Descriptions {
    memory::desc a, b, c;

    explicit Descriptions(const MatmulShape& s)
        : a(description(s.m, s.k, s.is_a_transposed, memory::data_type::bf16)),
          b(description(s.k, s.n, s.is_b_transposed, memory::data_type::bf16)),
          c(description(s.m, s.n, false, memory::data_type::f32)) {}
};

dnnl::primitive_attr attributes_of(const MatmulShape& shape) {
    dnnl::primitive_attr attributes;
    dnnl::post_ops after;
    if (shape.adds) after.append_sum();
    attributes.set_post_ops(after);
    return attributes;
}

// oneDNN 2 goes through a description of the operation, which oneDNN 3 has no more.
template <class Matmul>
Matmul matmul_of(const dnnl::engine& engine, const Descriptions& of,
                 const dnnl::primitive_attr& attributes) {
    using PrimitiveDescription = typename Matmul::primitive_desc;
    if constexpr (requires { typename Matmul::desc; }) {
        return Matmul(
            PrimitiveDescription(typename Matmul::desc(of.a, of.b, of.c), attributes, engine));
    } else {
        return Matmul(PrimitiveDescription(engine, of.a, of.b, of.c, attributes));
    }
}

}  // namespace

struct OnednnMatmul::Primitive {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    Descriptions descriptions;
    dnnl::matmul matmul;

    explicit Primitive(const MatmulShape& shape)
        : descriptions(shape),
          matmul(matmul_of<dnnl::matmul>(engine, descriptions, attributes_of(shape))) {}

    void run(const Bf16* a, const Bf16* b, float* c) {
        // The library takes all memory by the same type of pointer, and reads a and b alone.
        const auto at = [&](const memory::desc& of, const void* values) {
            return memory(of, engine, const_cast<void*>(values));
        };
        matmul.execute(stream, {{DNNL_ARG_SRC, at(descriptions.a, a)},
                                {DNNL_ARG_WEIGHTS, at(descriptions.b, b)},
                                {DNNL_ARG_DST, at(descriptions.c, c)}});
        stream.wait();
    }
};

OnednnMatmul::OnednnMatmul(const MatmulShape& shape, int threads) : threads_(threads) {
    omp_set_num_threads(threads);
    try {
        primitive_ = std::make_unique<Primitive>(shape);
    } catch (const dnnl::error& error) {
        throw std::runtime_error(std::string("oneDNN has no such bf16 product: ") + error.what());
    }
}

OnednnMatmul::~OnednnMatmul() = default;

void OnednnMatmul::run(const Bf16* a, const Bf16* b, float* c) {
    omp_set_num_threads(threads_);
    primitive_->run(a, b, c);
}

}  // namespace dws
