#include "sync/envelope.h"

#include <gtest/gtest.h>

#include "sync/base64.h"
#include "tests/support/jumps.h"
#include "tests/support/records.h"

namespace dws {
namespace {

const Identity& signer() {
    static const Identity identity = Identity::generate();
    return identity;
}

std::string signed_text() {
    return std::string(text_of(sign_envelope(encode_record(full_record()), signer())));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

std::string fault_of(std::span<const std::byte> stored) {
    const PublicIdentity key = signer().shared();
    return signature_fault(stored, std::span(&key, 1));
}

// The example of DSSE's protocol.md, version 1.0.
TEST(Envelope, WhatIsSignedIsTheSpecificationsEncoding) {
    EXPECT_EQ(text_of(pre_authentication("http://example.com/HelloWorld", bytes_of("hello world"))),
              "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    EXPECT_EQ(text_of(pre_authentication("", {})), "DSSEv1 0  0 ");
}

TEST(Envelope, ASignedRecordIsTheSameRecord) {
    const Bytes plain = encode_record(full_record());
    const Bytes stored = sign_envelope(plain, signer());
    const Result<Record> record = decode_record(stored);
    ASSERT_TRUE(record) << record.error().detail;
    EXPECT_EQ(encode_record(*record), plain);
    EXPECT_EQ(sign_envelope(encode_record(*record), signer()), stored) << "one form";
    EXPECT_EQ(signer_named_in(stored), signer().shared().id());
    EXPECT_EQ(signer_named_in(plain), "");
    EXPECT_EQ(fault_of(stored), "");
    const Bytes jump = sign_envelope(encode_jump(full_jump()), signer());
    EXPECT_TRUE(decode_jump(jump));
    EXPECT_EQ(fault_of(jump), "");
}

TEST(Envelope, SaysWhoShouldHaveSigned) {
    const std::string id = signer().shared().id();
    EXPECT_EQ(fault_of(encode_record(full_record())), "is not signed; it must be by key " + id);
    const Identity other = Identity::generate();
    const Bytes stored = sign_envelope(encode_record(full_record()), other);
    EXPECT_EQ(fault_of(stored), "is signed by key " + other.shared().id() + ", not by " + id);
    const std::vector<PublicIdentity> both{signer().shared(), other.shared()};
    EXPECT_EQ(signature_fault(stored, both), "");
    EXPECT_NE(signature_fault(stored, {}), "") << "nobody may";
}

TEST(Envelope, ASignatureOfAnotherPayloadOrTypeIsNone) {
    const std::string text = signed_text();
    const std::string signature = text.substr(text.find(R"("signatures")"));
    Record other = full_record();
    other.version += 1;
    const std::string plain(text_of(encode_record(other)));
    EXPECT_EQ(fault_of(bytes_of(replaced(plain, R"("signatures":[]})", signature))),
              "is not what key " + signer().shared().id() + " signed");
    // A record's payload under a jump's name, and another key's signature under this one's id.
    EXPECT_NE(fault_of(bytes_of(replaced(text, "dws.log+", "dws.jump+"))), "");
    const Identity thief = Identity::generate();
    const std::string claimed =
        replaced(std::string(text_of(sign_envelope(encode_record(full_record()), thief))),
                 thief.shared().id(), signer().shared().id());
    EXPECT_TRUE(decode_record(bytes_of(claimed)));
    EXPECT_NE(fault_of(bytes_of(claimed)), "");
}

TEST(Envelope, RefusesSignaturesOfAnotherForm) {
    const std::string text = signed_text();
    const std::string entry = text.substr(text.find("[{") + 1, text.find("}]") - text.find("[{"));
    const auto expect_corrupt = [](const std::string& stored) {
        const Result<Record> record = decode_record(bytes_of(stored));
        ASSERT_FALSE(record) << stored;
        EXPECT_EQ(record.error().fault, Fault::corrupt);
    };
    expect_corrupt(replaced(text, entry, entry + "," + entry));
    expect_corrupt(replaced(text, R"("keyid":")", R"("keyid":"0)"));
    expect_corrupt(replaced(text, signer().shared().id(), "0123456789ABCDEF"));
    expect_corrupt(replaced(text, signer().shared().id(), ""));
    expect_corrupt(replaced(text, R"("sig":")", R"("sig":"AAAA)"));
    expect_corrupt(replaced(text, R"(==")", R"(=")"));
    expect_corrupt(replaced(text, R"("sig":)", R"("sig": )"));
    expect_corrupt(replaced(text, R"({"keyid")", R"({"x":1,"keyid")"));
    expect_corrupt(replaced(text, entry, R"({"keyid":"0123456789abcdef"})"));
    expect_corrupt(text + "\n");
}

// Whatever byte of a signed record is another, whoever pins the key does not take it.
TEST(Envelope, NoByteOfASignedRecordCanBeChanged) {
    const std::string text = signed_text();
    std::size_t decodes = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const int mask : {0x01, 0x20, 0x80, 0xff}) {
            std::string bent = text;
            bent[at] = static_cast<char>(bent[at] ^ mask);
            const Result<Record> record = decode_record(bytes_of(bent));
            if (!record) continue;
            ++decodes;
            ASSERT_NE(fault_of(bytes_of(bent)), "") << at;
        }
    }
    EXPECT_GT(decodes, 100u) << "the signature is what refuses these";
}

TEST(Envelope, NoPartOfASignedRecordCanBeLeftOut) {
    const std::string text = signed_text();
    for (std::size_t length = 0; length < text.size(); ++length)
        ASSERT_FALSE(decode_record(bytes_of(text.substr(0, length)))) << length;
}

}  // namespace
}  // namespace dws
