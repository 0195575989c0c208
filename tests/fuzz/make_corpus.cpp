// Writes the fuzzers' seeds: `make_fuzz_corpus FOLDER`, with FOLDER = tests/fuzz/corpus. Needed
// again only when a format or the tables of delta_table.h and tile.h change.
#include <filesystem>

#include "base/safetensors.h"
#include "sync/base64.h"
#include "sync/codec/compact.h"
#include "sync/codec/interchange.h"
#include "tests/fuzz/delta_table.h"
#include "tests/fuzz/tile.h"
#include "tests/support/files.h"
#include "tests/support/format_example.h"
#include "tests/support/records.h"

namespace dws {
namespace {

using Folder = std::filesystem::path;

// Writes what an encoder makes, which is one file.
FileSink writer_of(const Folder& path) {
    return [path](const Bytes& file) {
        write_file(path, file);
        return true;
    };
}

// Some words a step further, some anything else; only in small bf16 words where `few`.
Bytes next_of(const DeltaTable& held, std::size_t stride, bool few) {
    Random random(3);
    Bytes next = held.base;
    for (std::size_t index = 0; index < held.table.tiles(); ++index) {
        const Tile tile = held.table.tile(index);
        if (few && tile.array != 0) continue;
        for (std::size_t position = 0; position < tile.words; ++position) {
            const std::uint32_t word = read_word(next, tile, position);
            if (few ? (word >> 7 & 0xff) >= 114 : random() % stride != 0) continue;
            const bool is_step = few || random() % 4 != 0;
            const auto step = static_cast<std::uint32_t>(random() % 16 == 0 ? 5 : 1);
            write_word(next, tile, position,
                       is_step ? word + step : static_cast<std::uint32_t>(random()));
        }
    }
    return next;
}

void write_deltas(const Folder& folder) {
    const DeltaTable held;
    const auto compact = [&](const char* name, const Bytes& next, CompactMode mode) {
        encode_compact(held.table, held.base, next, held.version, held.base_version, {.mode = mode},
                       writer_of(folder / name));
    };
    const auto interchange = [&](const char* name, const Bytes& next, Encoding encoding) {
        encode_delta(held.table, diff(held.table, held.base, next), held.version, encoding,
                     SIZE_MAX, writer_of(folder / name));
    };
    const Bytes sparse = next_of(held, 100, false);
    const Bytes few = next_of(held, 1, true);
    compact("compact_flat", sparse, CompactMode::flat);
    compact("compact_classes", few, CompactMode::classes);
    compact("compact_smallest", sparse, CompactMode::smallest);
    compact("compact_nothing", held.base, CompactMode::smallest);
    Bytes random_words_of_a = held.base;
    Random random(4);
    for (std::size_t position = 0; position < 1000; ++position) {
        write_word(random_words_of_a, held.table.tile(0), position,
                   static_cast<std::uint32_t>(random()));
    }
    compact("compact_raw", random_words_of_a, CompactMode::flat);
    interchange("interchange_raw", few, Encoding::raw);
    interchange("interchange_gap", next_of(held, 300, false), Encoding::gap_delta);
    interchange("interchange_nothing", held.base, Encoding::gap_delta);

    // Files of other tools hold some arrays only; the long one would not fit a seed.
    const auto& specs = held.table.layout().specs();
    std::vector<TensorView> tensors;
    for (std::size_t array = 1; array + 1 < specs.size(); ++array) {
        tensors.push_back(
            {specs[array], std::span(held.base).subspan(
                               held.table.layout().offset_bytes(array),
                               specs[array].elements() * width_bytes(specs[array].dtype))});
    }
    write_file(folder / "anchor", write_safetensors(tensors, {{"format", "sparse_weight_patch"},
                                                              {"version", "1"},
                                                              {"sparse", "False"},
                                                              {"model_version", "1"}}));
    Bytes cut = read_file(folder / "compact_flat");
    cut.pop_back();
    write_file(folder / "bad_cut", cut);
}

// after: the word that a word becomes, or the word itself.
template <class After>
void write_tile(const Folder& path, unsigned choice, CompactMode mode, After after) {
    const TileBase base = tile_base(static_cast<std::byte>(choice));
    const Tile tile{.array = 0,
                    .first_word = 0,
                    .words = base.words.size() / base.word_bytes,
                    .offset_bytes = 0,
                    .word_bytes = base.word_bytes};
    Bytes next = base.words;
    for (std::size_t position = 0; position < tile.words; ++position) {
        write_word(next, tile, position, after(position, read_word(base.words, tile, position)));
    }
    Bytes file{static_cast<std::byte>(choice)};
    TileEncoder(mode).encode(base.words, next, base.word_bytes, base.classes, file);
    write_file(path, file);
}

void write_tiles(const Folder& folder) {
    Random random(5);
    const auto steps = [&](std::uint32_t stride) {
        return [&random, stride](std::size_t, std::uint32_t word) {
            if (random() % stride != 0) return word;
            return word + static_cast<std::uint32_t>(random() % 8 == 0 ? 9 : 1);
        };
    };
    const auto anything = [&](std::size_t, std::uint32_t word) {
        return random() % 8 == 0 ? static_cast<std::uint32_t>(random()) : word;
    };
    // choice: width | classes << 2 | words << 4, of tile.h.
    write_tile(folder / "byte_flat", 0x00, CompactMode::flat, steps(10));
    write_tile(folder / "half_flat", 0x05, CompactMode::flat, steps(5));
    write_tile(folder / "half_classes", 0x01, CompactMode::classes, steps(5));
    write_tile(folder / "half_one_class", 0x49, CompactMode::classes, steps(20));
    write_tile(folder / "half_exceptions", 0x01, CompactMode::classes, anything);
    write_tile(folder / "whole_classes", 0x02, CompactMode::classes, steps(10));
    write_tile(folder / "whole_exceptions", 0x06, CompactMode::flat, anything);
    write_tile(folder / "long_classes", 0x61, CompactMode::classes, steps(300));
    write_tile(folder / "one_word", 0x11, CompactMode::flat, steps(1));
    write_tile(folder / "raw", 0x31, CompactMode::flat,
               [&](std::size_t, std::uint32_t) { return static_cast<std::uint32_t>(random()); });
    write_file(folder / "bad_empty", {});
    write_file(folder / "bad_mode", Bytes{std::byte{0x01}, std::byte{0x00}});
}

std::string payload_text(const Record& record) {
    const Bytes stored = encode_record(record);
    const std::string text(text_of(stored));
    const std::string before = R"("payload":")";
    const std::size_t begin = text.find(before) + before.size();
    return *decode_base64(text.substr(begin, text.find('"', begin) - begin));
}

void write_records(const Folder& folder) {
    const FormatExample example;
    Record epoch;
    epoch.run = "r";
    epoch.epoch = 1;
    epoch.writer = "w";
    epoch.nonce = std::string(32, '0');
    Record last = full_record();
    last.kind = RecordKind::end;
    last.base_version = -1;
    last.objects.clear();
    const std::vector<std::pair<const char*, Record>> records{{"anchor", example.anchor_record()},
                                                              {"delta", example.delta_record()},
                                                              {"full", full_record()},
                                                              {"epoch", epoch},
                                                              {"end", last}};
    for (const auto& [name, record] : records) {
        write_file(folder / (std::string("payload_") + name), bytes_of(payload_text(record)));
    }
    write_file(folder / "stored_anchor", encode_record(example.anchor_record()));
    write_file(folder / "stored_full", encode_record(full_record()));
    write_file(folder / "bad_spaces", bytes_of(payload_text(epoch) + " "));
    write_file(folder / "bad_depth", bytes_of(R"({"games":[[[[[[[]]]]]]]})"));
}

Bytes with_header(const std::string& header, const std::string& data) {
    Bytes file(8);
    file[0] = static_cast<std::byte>(header.size());
    for (const std::string& part : {header, data}) {
        for (const std::byte byte : bytes_of(part)) file.push_back(byte);
    }
    return file;
}

void write_safetensors_files(const Folder& folder) {
    const FormatExample example;
    write_file(folder / "delta", example.delta_file());
    write_file(folder / "anchor", example.anchor_file());
    const std::string data = "0123456789";
    const std::vector<TensorView> tensors{
        {{"w", DType::kBF16, {2, 2}}, bytes_of(data).subspan(0, 8)},
        {{"empty", DType::kF32, {0}}, {}},
        {{"scalar", DType::kU8, {}}, bytes_of(data).subspan(8, 1)},
        {{"b", DType::kBool, {1, 1, 1, 1, 1, 1, 1, 1}}, bytes_of(data).subspan(9, 1)}};
    write_file(folder / "shapes",
               write_safetensors(tensors, {{"note", "\"\\\n\xc3\xa4"}, {"", ""}}));
    write_file(folder / "nothing", write_safetensors({}, {}));
    write_file(
        folder / "spaces",
        with_header(R"({ "a" : {"shape":[1],"dtype":"I16","data_offsets":[0,2]} }  )", "ab"));
    write_file(folder / "bad_twice",
               with_header(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                           R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                           "ab"));
    write_file(folder / "bad_overflow",
               with_header(R"({"a":{"dtype":"F64","shape":[4294967296,4294967296],)"
                           R"("data_offsets":[0,0]}})",
                           ""));
}

}  // namespace
}  // namespace dws

int main(int count, char** arguments) {
    dws::require(count == 2, "make_fuzz_corpus FOLDER");
    const std::filesystem::path root = arguments[1];
    for (const char* target : {"safetensors", "delta", "tile", "record"}) {
        std::filesystem::create_directories(root / target);
    }
    dws::write_safetensors_files(root / "safetensors");
    dws::write_deltas(root / "delta");
    dws::write_tiles(root / "tile");
    dws::write_records(root / "record");
}
