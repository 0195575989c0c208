// What must hold whatever bytes stand in an envelope: of a jump, whose reader is asked, and for who
// has pinned a key, whoever wrote them. A broken promise ends the program: the fuzzer keeps the
// input, the replay of the corpus fails.
#pragma once

#include <algorithm>
#include <string>

#include "base/require.h"
#include "sync/base64.h"
#include "sync/bucket/bucket.h"
#include "sync/envelope.h"
#include "sync/jump.h"

namespace dws {

// What is stored, with an empty list in place of the signatures.
inline Bytes without_signatures(std::span<const std::byte> stored) {
    const std::string text(text_of(stored));
    const std::string bare =
        text.substr(0, text.rfind(R"("signatures":[)")) + R"("signatures":[]})";
    const std::span<const std::byte> bytes = bytes_of(bare);
    return Bytes(bytes.begin(), bytes.end());
}

// A key that nobody has but this process: no input can be signed by it.
inline const Identity& fuzz_signer() {
    static const Identity identity = Identity::generate();
    return identity;
}

inline void check_signatures(std::span<const std::byte> stored) {
    const PublicIdentity key = fuzz_signer().shared();
    require(!signature_fault(stored, std::span(&key, 1)).empty(), "nobody forges a signature");
    const std::string named = signer_named_in(stored);
    require(named.empty() || named.size() == 16, "a signer's id has one length");
}

// unsigned_form: what encodes the value that was read from `stored`.
inline void check_one_form(std::span<const std::byte> stored, const Bytes& unsigned_form) {
    require(without_signatures(stored) == unsigned_form, "what is signed has one form");
    const Bytes own = sign_envelope(unsigned_form, fuzz_signer());
    const PublicIdentity key = fuzz_signer().shared();
    require(signature_fault(own, std::span(&key, 1)).empty(), "what is signed is so for all");
    require(signer_named_in(own) == key.id(), "a signature names its key");
}

inline bool fuzz_stored_jump(std::span<const std::byte> stored) {
    check_signatures(stored);
    const Result<Jump> jump = decode_jump(stored);
    if (!jump) {
        require(jump.error().fault == Fault::corrupt, "foreign bytes are at worst corrupt");
        return false;
    }
    check_one_form(stored, encode_jump(*jump));
    require(is_valid_key(jump->run), "no jump leads outside the bucket");
    require(jump->version >= 0 && jump->base_version < jump->version, "a jump leads on");
    require((jump->kind == RecordKind::delta) == (jump->base_version >= 0), "a fold has a base");
    for (const ObjectRef& object : jump->objects) {
        require(is_valid_key(object.key), "no object lies outside the bucket");
        require(object.size_bytes <= kMaxObjectBytes, "an object's size has a limit");
    }
    const auto ends = jump_ends(jump_key(jump->run, jump->base_version, jump->version));
    require(ends && ends->version == jump->version && ends->base_version == jump->base_version,
            "a jump's key says where it leads");
    return true;
}

// input: stored bytes or a payload alone, which gets its envelope here: no mutation of base64 text
// reaches far. True when it is a jump.
inline bool fuzz_envelope(std::span<const std::byte> input) {
    const std::string envelope = R"({"payloadType":"application/vnd.dws.jump+json","payload":")" +
                                 encode_base64(text_of(input)) + R"(","signatures":[]})";
    const bool is_stored = fuzz_stored_jump(input);
    const bool is_payload = fuzz_stored_jump(bytes_of(envelope));
    return is_stored || is_payload;
}

}  // namespace dws
