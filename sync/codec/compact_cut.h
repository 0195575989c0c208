// Encoded tiles on their way into the files of a compact delta: collected in the table's order and
// cut between tiles once a file is full.
#pragma once

#include <cstddef>
#include <vector>

#include "sync/array_table.h"
#include "sync/codec/compact_file.h"
#include "sync/codec/interchange.h"

namespace dws {

class CompactCutter {
public:
    // table, classes and sink are not owned and outlive this. file_bytes: a file is handed on once
    // its tiles reach this.
    CompactCutter(const ArrayTable& table, const CompactVersions& versions,
                  const ClassTable& classes, std::size_t file_bytes, const FileSink& sink)
        : table_(table),
          versions_(versions),
          classes_(classes),
          file_bytes_(file_bytes),
          sink_(sink) {}

    // The next tiles, which no file divides. False when the sink has stopped.
    bool add(CompactBody run);
    // After the table's last tile: what is left. A delta without changes is one file.
    bool finish();

private:
    bool flush();

    const ArrayTable& table_;
    const CompactVersions versions_;
    const ClassTable& classes_;
    const std::size_t file_bytes_;
    const FileSink& sink_;
    std::vector<CompactBody> runs_;  // of the file in the making
    std::size_t run_bytes_ = 0;      // of their tiles
    std::size_t next_tile_ = 0;
    bool has_written_ = false;
};

}  // namespace dws
