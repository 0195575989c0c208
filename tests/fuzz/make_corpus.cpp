// Writes the fuzzers' seeds: `make_fuzz_corpus FOLDER`, with FOLDER = tests/fuzz/corpus. Needed
// again only when a format or the tables of delta_table.h and tile.h change.
#include <filesystem>

#include "base/identity.h"
#include "base/safetensors.h"
#include "env_wordle/session.h"
#include "sync/base64.h"
#include "sync/codec/compact.h"
#include "sync/codec/interchange.h"
#include "sync/envelope.h"
#include "sync/games/game_signature.h"
#include "tests/fuzz/delta_table.h"
#include "tests/fuzz/tile.h"
#include "tests/support/files.h"
#include "tests/support/format_example.h"
#include "tests/support/random_games.h"
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

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
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
    last.steps.clear();
    Record rotation = epoch;
    rotation.next_key = "dws-key-next";
    Record back = full_record();
    back.steps.clear();
    back.is_rollback = true;
    const std::vector<std::pair<const char*, Record>> records{{"anchor", example.anchor_record()},
                                                              {"delta", example.delta_record()},
                                                              {"full", full_record()},
                                                              {"epoch", epoch},
                                                              {"end", last},
                                                              {"rotation", rotation},
                                                              {"rollback", back}};
    for (const auto& [name, record] : records) {
        write_file(folder / (std::string("payload_") + name), bytes_of(payload_text(record)));
    }
    write_file(folder / "stored_anchor", encode_record(example.anchor_record()));
    write_file(folder / "stored_full", encode_record(full_record()));
    write_file(folder / "stored_signed",
               sign_envelope(encode_record(full_record()), Identity::generate()));
    write_file(folder / "bad_spaces", bytes_of(payload_text(epoch) + " "));
    write_file(folder / "bad_steps",
               bytes_of(replaced(payload_text(full_record()), "[0,7,1]", "[0,6,1]")));
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

void write_jumps(const Folder& folder) {
    const Jump anchor = FormatExample().jump();
    Jump fold = anchor;
    fold.kind = RecordKind::delta;
    fold.version = 42;
    fold.base_version = 32;
    const Bytes stored = sign_envelope(encode_jump(fold), Identity::generate());
    const std::string text(text_of(stored));
    const auto payload = [](const Jump& jump) {
        const Bytes unsigned_one = encode_jump(jump);
        const std::string all(text_of(unsigned_one));
        const std::string before = R"("payload":")";
        const std::size_t begin = all.find(before) + before.size();
        return *decode_base64(all.substr(begin, all.find('"', begin) - begin));
    };
    write_file(folder / "payload_fold", bytes_of(payload(fold)));
    write_file(folder / "payload_anchor", bytes_of(payload(anchor)));
    write_file(folder / "stored_fold", encode_jump(fold));
    write_file(folder / "stored_signed", stored);
    write_file(folder / "bad_key_id", bytes_of(replaced(text, R"("keyid":")", R"("keyid":"Z)")));
    write_file(folder / "bad_signature", bytes_of(replaced(text, R"(=="}])", R"(="}])")));
    const std::string entry = text.substr(text.find("[{") + 1, text.find("}]") - text.find("[{"));
    write_file(folder / "bad_two", bytes_of(replaced(text, entry, entry + "," + entry)));
    write_file(folder / "bad_back",
               bytes_of(replaced(payload(fold), R"("version":42)", R"("version":32)")));
}

void write_games(const Folder& folder) {
    Random random(6);
    GameGroup small = random_group(random, 1);
    GameGroup shown = random_group(random, 2);
    shown.is_demonstration = true;
    shown.outcomes.clear();
    shown.allowed_tokens.clear();
    write_file(folder / "group", encode_group(small));
    write_file(folder / "demonstration", encode_group(shown));
    write_file(folder / "signed", sign_group(small, "run", Identity::generate()));
    const std::string text(text_of(encode_group(small)));
    write_file(folder / "bad_format", bytes_of(replaced(text, "dws.game_group", "dws.game_gr0up")));
    write_file(folder / "bad_number",
               bytes_of(replaced(text, R"("number":"0")", R"("number":"-")")));
    write_file(folder / "bad_array", bytes_of(replaced(text, "loss_mask", "lost_mask")));
    write_file(folder / "bad_cut", bytes_of(text.substr(0, text.size() - 1)));
}

void write_text(const Folder& path, const std::string& text) { write_file(path, bytes_of(text)); }

void write_env_messages(const Folder& folder) {
    const std::string session = "91f0c4a7d2b35e68";
    write_text(folder / "reset", encode(EnvRequest{EnvCall::reset, 1, 42, "", ""}));
    write_text(folder / "step", encode(EnvRequest{EnvCall::step, 2, 0, session, "[crane]"}));
    write_text(folder / "step_word", encode(EnvRequest{EnvCall::step, 3, 0, session, "Train"}));
    write_text(folder / "step_talk",
               encode(EnvRequest{EnvCall::step, 4, 0, session, "I say\n[apple] \xc3\xa4 [lemon]"}));
    write_text(folder / "state", encode(EnvRequest{EnvCall::state, 5, 0, session, ""}));
    write_text(folder / "close", encode(EnvRequest{EnvCall::close, ~0ull, 0, session, ""}));
    const WordList words = words_in("crane\ntrain\n");
    for (const Rules rules : {Rules::open, Rules::textarena}) {
        Session game(rules, "train");
        const std::string name = name_of(rules);
        write_text(folder / ("reply_opening_" + name), encode(game.opening()));
        write_text(folder / ("reply_step_" + name), encode(game.step("[crane]", words)));
        write_text(folder / ("reply_state_" + name), encode(game.state()));
    }
    EnvReply refusal;
    refusal.error = EnvErrorCode::slow_down;
    refusal.message = "wait";
    write_text(folder / "reply_error", encode(refusal));
    write_text(folder / "bad_call", R"({"call":"fly","id":1})");
    write_text(folder / "bad_number", R"({"call":"reset","id":-1,"seed":1e999})");
    write_text(folder / "bad_utf8", "{\"call\":\"state\",\"id\":1,\"session\":\"\xff\"}");
    write_text(folder / "bad_depth", std::string(2000, '['));
}

void write_configs(const Folder& folder) {
    const std::string key = PublicIdentity{}.text();
    write_text(folder / "nothing", "# nothing\n");
    write_text(folder / "blocks",
               "run:\n  name: tiny\n  seed: 7\ndoorbell:\n  inside: tcp://127.0.0.1:1\n"
               "  poll_ms: 2.5e2\nmodel:\n  config: ../model/config.json\nworker:\n  slots: 32\n"
               "trainer:\n  steps: 12\n  warm_start:\n    steps: 6\n");
    write_text(folder / "braces",
               "env: {endpoint: 'tcp://127.0.0.1:5555', rules: textarena, sessions_max: 9,\n"
               "      sessions_per_client: 3, requests_per_second: 0.5}\n"
               "sync: {encoding: x, full_rescan: false}\n");
    write_text(folder / "keys",
               "keys:\n  own: me.key\n  trainer: " + key + "\n  workers:\n  - " + key + "\n  - " +
                   key + "\n  compactors: []\n  environment: " + key + "\n  insecure: true\n");
    write_text(folder / "aliases", "evaluation: &a\n  games: 4\n  seed: 3\n");
    write_text(folder / "bad_key", "trainer:\n  stpes: 3\n");
    write_text(folder / "bad_secret", "keys:\n  own: dws-secret-" + std::string(86, 'A') + "\n");
    write_text(folder / "bad_identity", "keys:\n  trainer: " + key.substr(0, 93) + "B\n");
    write_text(folder / "bad_comma", ",1");
    write_text(folder / "bad_yaml", "a: [1\nb: *none\n");
    write_text(folder / "bad_tree", "a: &a {k: 1}\nb: &b {k: *a, l: *a}\nc: {k: *b, l: *b}\n");
}

void write_store_replies(const Folder& folder) {
    const std::string page_of_2 =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>"
        "<IsTruncated>true</IsTruncated><NextContinuationToken>a+b/c==</NextContinuationToken>"
        "<Contents><Key>run%2Flog%2F1.json</Key><Size>3</Size></Contents><Contents><Key>../up"
        "</Key></Contents><CommonPrefixes><Prefix>run/games/</Prefix></CommonPrefixes>"
        "</ListBucketResult>";
    write_text(folder / "listing", page_of_2);
    write_text(folder / "refusal",
               "<Error><Code>NoSuchKey</Code><Message>no such key &amp; &#228;</Message></Error>");
    write_text(folder / "upload",
               "<InitiateMultipartUploadResult><UploadId>2~x</UploadId>"
               "</InitiateMultipartUploadResult>");
    write_text(folder / "completed",
               "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
    write_text(
        folder / "hub",
        R"([{"type":"file","path":"run/log/1.json","size":3},{"type":"directory","path":"run"}])");
    write_text(folder / "next", "<https://hub.example/api?cursor=1>; rel=\"next\"");
    write_text(folder / "seconds", "120");
    write_text(folder / "date", "Sun, 06 Nov 2044 08:49:37 GMT");
    write_text(folder / "rate", "\"api\";r=0;t=55");
    write_text(folder / "bad_cut", page_of_2.substr(0, 300));
    write_text(folder / "bad_entities",
               "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>");
    write_text(folder / "bad_next", "<https://elsewhere.example/api>; rel=\"next\"");
    write_text(folder / "bad_seconds", "-1e400");
}

}  // namespace
}  // namespace dws

int main(int count, char** arguments) {
    dws::require(count == 2, "make_fuzz_corpus FOLDER");
    const std::filesystem::path root = arguments[1];
    for (const char* target : {"safetensors", "delta", "tile", "record", "env_message", "config",
                               "envelope", "games", "store_reply"}) {
        std::filesystem::create_directories(root / target);
    }
    dws::write_safetensors_files(root / "safetensors");
    dws::write_deltas(root / "delta");
    dws::write_tiles(root / "tile");
    dws::write_records(root / "record");
    dws::write_env_messages(root / "env_message");
    dws::write_configs(root / "config");
    dws::write_jumps(root / "envelope");
    dws::write_games(root / "games");
    dws::write_store_replies(root / "store_reply");
}
