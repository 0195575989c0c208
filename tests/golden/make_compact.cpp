// Writes what check_compact.sh gives to the decoder in Python: make_compact FOLDER SEED. Every
// example is one <name>.words.safetensors (base.<array> and next.<array>) and the compact delta
// between them, in one or several files <name>.delta_<n>.safetensors (versions 41 to 43).
#include <fmt/format.h>

#include <filesystem>

#include "base/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/version_pair.h"

namespace dws {
namespace {

struct Mode {
    const char* name;
    CompactMode mode;
};
constexpr Mode kModes[] = {{"smallest", CompactMode::smallest},
                           {"classes", CompactMode::classes},
                           {"flat", CompactMode::flat}};

Bytes words_file(const VersionPair& pair) {
    const TensorLayout& layout = pair.table.layout();
    std::vector<TensorView> tensors;
    // The table's order: the decoder numbers tiles by the order of the bytes.
    for (const auto& [prefix, words] :
         {std::pair{"base.", &pair.base}, std::pair{"next.", &pair.next}}) {
        for (std::size_t array = 0; array < layout.specs().size(); ++array) {
            TensorSpec spec = layout.specs()[array];
            const std::size_t bytes = spec.elements() * width_bytes(spec.dtype);
            spec.name = prefix + spec.name;
            tensors.push_back({spec, std::span(*words).subspan(layout.offset_bytes(array), bytes)});
        }
    }
    return write_safetensors(tensors, {});
}

void write_example(const std::filesystem::path& folder, const std::string& name,
                   const VersionPair& pair, const CompactOptions& options) {
    write_file(folder / (name + ".words.safetensors"), words_file(pair));
    std::size_t files = 0;
    encode_compact(pair.table, pair.base, pair.next, 43, 41, options, [&](const Bytes& file) {
        write_file(folder / fmt::format("{}.delta_{:03}.safetensors", name, files++), file);
        return true;
    });
}

// Lengths that Python decodes in a second or two: a tile's edge only where little changes.
void write_random(const std::filesystem::path& folder, std::uint64_t seed) {
    Random random(seed);
    for (const double density : {0.0, kOneWord, 1e-3, 0.01, 0.1, 0.5, 1.0}) {
        for (const Mode& mode : kModes) {
            const std::vector<std::vector<std::size_t>> lengths =
                density < 0.005 ? std::vector<std::vector<std::size_t>>{{kTileWords + 1}, {700}}
                                : std::vector<std::vector<std::size_t>>{{5000}, {64, 65}, {20'000}};
            const VersionPair pair = random_versions(table_of_lengths(lengths), random,
                                                     [&](std::size_t) { return density; });
            const std::string name = fmt::format(
                "{}_{}", density == kOneWord ? "one" : fmt::format("{}", density), mode.name);
            // Every other one is cut into files.
            write_example(folder, name, pair,
                          {.mode = mode.mode, .file_bytes = random() % 2 == 0 ? SIZE_MAX : 1000});
        }
    }
}

// Small weights change more often: what classes are for.
VersionPair trained_versions(Random& random) {
    ArrayTable table = make_table({{"w", DType::kBF16, {150'000}}, {"f", DType::kF32, {80'000}}});
    VersionPair pair = random_versions(std::move(table), random, [](std::size_t) { return 0.0; });
    for (std::size_t index = 0; index < pair.table.tiles(); ++index) {
        const Tile tile = pair.table.tile(index);
        fill_tile(pair, index, 0, Content::weights, random);
        for (std::size_t position = 0; position < tile.words; ++position) {
            const std::uint32_t word = read_word(pair.base, tile, position);
            const std::uint32_t key = (tile.word_bytes == 2 ? word >> 7 : word >> 23) & 0xff;
            if (key < 119 ? random() % 3 != 0 : random() % 200 != 0) continue;
            write_word(pair.next, tile, position, word + (random() % 20 == 0 ? 3 : 1));
        }
    }
    return pair;
}

}  // namespace
}  // namespace dws

int main(int count, char** arguments) {
    using namespace dws;
    require(count == 3, "make_compact FOLDER SEED");
    const std::filesystem::path folder = arguments[1];
    const std::uint64_t seed = std::stoull(arguments[2]);
    write_random(folder, seed);
    Random random(seed);
    for (const Mode& mode : kModes) {
        write_example(folder, fmt::format("trained_{}", mode.name), trained_versions(random),
                      {.mode = mode.mode});
        write_example(folder, fmt::format("special_{}", mode.name),
                      special_versions(mode.mode == CompactMode::smallest ? 4 : 1),
                      {.mode = mode.mode});
    }
}
