// What this machine remembers of logs across restarts: the last record accepted of each run. A
// store that shows an older log to who has seen a newer one, or another one, is found out.
//
// A file of a few hundred bytes, replaced as a whole and durable when keep() returns. Several
// processes may share it; the highest record of a run stays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace dws {

struct AcceptedRecord {
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    std::string sha256;  // of its stored bytes
    bool operator==(const AcceptedRecord&) const = default;
};

class LogMemory {
public:
    // file: empty for none. Throws std::runtime_error when it is there and cannot be read.
    LogMemory(std::filesystem::path file, std::string run);

    // As it was when this began.
    const std::optional<AcceptedRecord>& last() const { return last_; }
    // Empty when the log may show this record; sha256 empty: it shows none at this sequence number.
    std::string fault(std::uint64_t sequence, const std::string& sha256) const;

    // Fault::untrusted: another process has accepted another record in its place. Fault::transport:
    // the file cannot be written.
    Result<Done> keep(const AcceptedRecord& record);

private:
    const std::filesystem::path file_;
    const std::string run_;
    std::optional<AcceptedRecord> last_;
    std::optional<AcceptedRecord> kept_;  // by this, or found to be there
};

}  // namespace dws
