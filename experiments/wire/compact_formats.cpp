#include "experiments/wire/wire_format.h"
#include "sync/codec/compact.h"

namespace dws {

namespace {

// One file, made and read as a publisher and a subscriber do: header, index and checks included.
class CompactFormat : public WireFormat {
public:
    CompactFormat(std::string name, CompactMode mode) : name_(std::move(name)), mode_(mode) {}

    const std::string& name() const override { return name_; }

    void encode(const VersionPair& pair, std::size_t threads) override {
        encode_compact(pair.table, pair.base, pair.next, 1, 0, {.mode = mode_, .threads = threads},
                       [this](Bytes file) {
                           file_ = std::move(file);
                           return true;
                       });
    }
    std::uint64_t encoded_bytes() const override { return file_.size(); }
    bool patch(const VersionPair& pair, std::span<std::byte> words, std::size_t threads) override {
        return static_cast<bool>(patch_compact(pair.table, file_, 1, 0, words, threads));
    }

private:
    const std::string name_;
    const CompactMode mode_;
    Bytes file_;
};

}  // namespace

WireFormats make_compact_formats() {
    WireFormats formats;
    formats.push_back(std::make_unique<CompactFormat>("compact X", CompactMode::classes));
    formats.push_back(std::make_unique<CompactFormat>("compact F", CompactMode::flat));
    formats.push_back(std::make_unique<CompactFormat>("compact auto", CompactMode::smallest));
    return formats;
}

}  // namespace dws
