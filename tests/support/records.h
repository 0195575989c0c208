// Records as a trainer's would be, for tests to bend.
#pragma once

#include <string>

#include "sync/record.h"

namespace dws {

// A delta's record with something in every field.
inline Record full_record() {
    Record record;
    record.run = "wordle/tiny-1";
    record.sequence = 43;
    record.epoch = 2;
    record.writer = "host-17-0badcafe";
    record.nonce = std::string(32, 'a');
    record.kind = RecordKind::delta;
    record.version = 42;
    record.base_version = 41;
    record.objects = {
        {"objects/delta-000042-0011223344556677.safetensors", 942, std::string(64, '1')},
        {"objects/delta-000042-8899aabbccddeeff.safetensors", 7, std::string(64, '2')}};
    record.changed_words = 72;
    record.total_words = 67'072;
    record.layout_hash = std::string(64, '3');
    record.digest = {{0x0123456789abcdef, 0xfedcba9876543210}};
    record.trainer_step = 45;
    record.games = {{"worker-1", 3, 8, {4}, {5, 6}, {}}, {"worker-2", 0, 1, {}, {}, {0}}};
    record.steps = {{{0, 3, 1}}, {{0, 7, 1}}};
    record.previous_sha256 = std::string(64, '4');
    record.created_unix_s = 1'700'000'000.123;
    return record;
}

inline Record anchor_draft(std::int64_t version, const Digest& digest) {
    Record record;
    record.kind = RecordKind::anchor;
    record.version = version;
    record.total_words = 100;
    record.layout_hash = std::string(64, '3');
    record.digest = digest;
    return record;
}

inline Record delta_draft(std::int64_t base_version, std::int64_t version) {
    Record record = anchor_draft(version, Digest{{static_cast<std::uint64_t>(version), 1}});
    record.kind = RecordKind::delta;
    record.base_version = base_version;
    record.trainer_step = version;
    return record;
}

}  // namespace dws
