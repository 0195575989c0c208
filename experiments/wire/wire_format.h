// A wire format under measurement: what lies between two versions, as bytes, and back. Keeps the
// encoded bytes, and its buffers from one call to the next, as a long-running sender would.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "experiments/wire/version_pair.h"

namespace dws {

class WireFormat {
public:
    virtual ~WireFormat() = default;

    virtual const std::string& name() const = 0;
    virtual void encode(const VersionPair& pair, std::size_t threads) = 0;
    // Of what encode() made last.
    virtual std::uint64_t encoded_bytes() const = 0;
    // Turns the base's words into the next version's, in place, from what encode() made last.
    // False when it cannot.
    virtual bool patch(const VersionPair& pair, std::span<std::byte> words,
                       std::size_t threads) = 0;
};

using WireFormats = std::vector<std::unique_ptr<WireFormat>>;

// The compact codec in its three modes.
WireFormats make_compact_formats();
// What other systems put on the wire.
WireFormats make_peer_formats();

}  // namespace dws
