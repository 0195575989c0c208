// The run of FORMAT.md's worked examples: one array of four words, an anchor and a delta.
#pragma once

#include "sync/codec/interchange.h"
#include "sync/jump.h"
#include "sync/record.h"
#include "sync/sha256.h"
#include "tests/support/random_arrays.h"

namespace dws {

struct FormatExample {
    ArrayTable table = make_table({{"a.weight", DType::kBF16, {4}}});
    Bytes base = words({0x3f80, 0xbf80, 0x0000, 0x8000});  // 1, -1, +0, -0
    Bytes next = words({0x3f80, 0xbf81, 0x0000, 0x0000});  // -1.0078125; -0 became +0

    Bytes words(std::initializer_list<std::uint32_t> values) const {
        Bytes buffer(table.layout().size_bytes());
        std::size_t position = 0;
        for (const std::uint32_t value : values)
            write_word(buffer, table.tile(0), position++, value);
        return buffer;
    }

    Bytes anchor_file() const {
        Bytes only;
        encode_anchor(table, base, 0, 1u << 20, [&](Bytes file) {
            only = std::move(file);
            return true;
        });
        return only;
    }
    Bytes delta_file() const {
        Bytes only;
        encode_delta(table, diff(table, base, next), 1, Encoding::gap_delta, 1u << 20,
                     [&](Bytes file) {
                         only = std::move(file);
                         return true;
                     });
        return only;
    }

    Record anchor_record() const {
        Record record;
        record.run = "demo";
        record.epoch = 1;
        record.writer = "host-17-0badcafe";
        record.nonce = "00112233445566778899aabbccddeeff";
        record.kind = RecordKind::anchor;
        record.version = 0;
        record.objects = {object_of("anchor-000000", anchor_file())};
        record.total_words = 4;
        record.layout_hash = table.layout_hash();
        record.digest = sum(digest_tiles(table, base));
        record.created_unix_s = 1'767'225'600.123;
        return record;
    }
    Record delta_record() const {
        Record record = anchor_record();
        record.sequence = 1;
        record.nonce = "102132435465768798a9bacbdcedfe0f";
        record.kind = RecordKind::delta;
        record.version = 1;
        record.base_version = 0;
        record.objects = {object_of("delta-000001", delta_file())};
        record.changed_words = 2;
        record.digest = sum(digest_tiles(table, next));
        record.trainer_step = 1;
        record.games = {{"worker-1", 0, 3, {1}, {}, {}}};
        record.steps = {{{0, 0, 1}, {0, 2, 1}}};
        record.previous_sha256 = sha256_hex(encode_record(anchor_record()));
        return record;
    }
    // A later anchor: version 1 whole.
    Bytes jump_file() const {
        Bytes only;
        encode_anchor(table, next, 1, 1u << 20, [&](Bytes file) {
            only = std::move(file);
            return true;
        });
        return only;
    }
    Jump jump() const {
        const Record target = delta_record();
        Jump jump;
        jump.run = target.run;
        jump.writer = "host-23-1badcafe";
        jump.kind = RecordKind::anchor;
        jump.version = 1;
        jump.sequence = 1;
        jump.record_sha256 = sha256_hex(encode_record(target));
        jump.objects = {object_of("anchor-000001", jump_file())};
        jump.changed_words = jump.total_words = 4;
        jump.layout_hash = target.layout_hash;
        jump.digest = target.digest;
        jump.trainer_step = target.trainer_step;
        jump.created_unix_s = 1'767'225'601.5;
        return jump;
    }

private:
    static ObjectRef object_of(const std::string& what, const Bytes& file) {
        const std::string sha256 = sha256_hex(file);
        return {"objects/" + what + "-" + sha256.substr(0, 16) + ".safetensors", file.size(),
                sha256};
    }
};

}  // namespace dws
