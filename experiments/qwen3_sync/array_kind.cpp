#include "experiments/qwen3_sync/array_kind.h"

#include "base/require.h"

namespace dws {

const char* name_of(ArrayKind kind) {
    switch (kind) {
        case ArrayKind::embedding:
            return "embedding";
        case ArrayKind::attention:
            return "attention";
        case ArrayKind::mlp:
            return "mlp";
        case ArrayKind::norm:
            return "norm";
    }
    require(false, "every kind has a name");
    return "";
}

ArrayKind kind_of(std::string_view array) {
    const auto contains = [&](std::string_view part) { return array.find(part) != array.npos; };
    if (contains("norm")) return ArrayKind::norm;
    if (contains(".self_attn.")) return ArrayKind::attention;
    if (contains(".mlp.")) return ArrayKind::mlp;
    return ArrayKind::embedding;
}

}  // namespace dws
