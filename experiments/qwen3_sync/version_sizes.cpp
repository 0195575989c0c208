#include "experiments/qwen3_sync/version_sizes.h"

#include <fmt/format.h>

#include <fstream>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "sync/codec/compact.h"
#include "sync/codec/interchange.h"

namespace dws {

namespace {

constexpr std::size_t kOneFile = SIZE_MAX;

// A sink that keeps nothing but the size.
FileSink into(std::uint64_t& bytes) {
    return [&bytes](Bytes file) {
        bytes += file.size();
        return true;
    };
}

FormatBytes bytes_of(const RecordedRun& run, const Record& record, const Changes& changes,
                     std::size_t threads) {
    const ArrayTable& table = run.table();
    FormatBytes bytes{.dense = table.word_bytes()};
    const std::int64_t version = record.version;
    encode_delta(table, changes, version, Encoding::raw, kOneFile, into(bytes.raw));
    encode_delta(table, changes, version, Encoding::gap_delta, kOneFile, into(bytes.gap_delta));
    const auto compact = [&](CompactMode mode, std::uint64_t& to) {
        encode_compact(table, changes, run.words(), version, record.base_version,
                       {.mode = mode, .file_bytes = kOneFile, .threads = threads}, into(to));
    };
    compact(CompactMode::flat, bytes.flat);
    compact(CompactMode::classes, bytes.classes);
    compact(CompactMode::smallest, bytes.smallest);
    return bytes;
}

// Columns of the file, in order, and the fields behind them.
std::vector<std::pair<std::string, std::uint64_t*>> columns_of(VersionSizes& row) {
    std::vector<std::pair<std::string, std::uint64_t*>> columns;
    for (const ArrayKind kind : kArrayKinds) {
        columns.emplace_back(std::string("words_") + name_of(kind), &at(row.words, kind));
        columns.emplace_back(std::string("changed_") + name_of(kind), &at(row.changed, kind));
    }
    columns.emplace_back("bytes_dense", &row.bytes.dense);
    columns.emplace_back("bytes_raw", &row.bytes.raw);
    columns.emplace_back("bytes_gap_delta", &row.bytes.gap_delta);
    columns.emplace_back("bytes_f", &row.bytes.flat);
    columns.emplace_back("bytes_x", &row.bytes.classes);
    columns.emplace_back("bytes_auto", &row.bytes.smallest);
    return columns;
}

}  // namespace

std::uint64_t VersionSizes::all_words() const {
    return std::accumulate(words.begin(), words.end(), std::uint64_t{0});
}

std::uint64_t VersionSizes::all_changed() const {
    return std::accumulate(changed.begin(), changed.end(), std::uint64_t{0});
}

VersionSizes next_sizes(RecordedRun& run, std::size_t threads) {
    const Record& record = run.next_record();
    const Changes changes = run.advance();
    const ArrayTable& table = run.table();
    VersionSizes sizes{.version = record.version, .trainer_step = record.trainer_step};
    for (const TensorSpec& spec : table.layout().specs()) {
        at(sizes.words, kind_of(spec.name)) += spec.elements();
    }
    for (const auto& [tile, found] : changes) {
        const std::string& array = table.layout().specs()[table.tile(tile).array].name;
        at(sizes.changed, kind_of(array)) += found.size();
    }
    sizes.bytes = bytes_of(run, record, changes, threads);
    return sizes;
}

void write_sizes(const std::filesystem::path& file, const std::string& note,
                 const std::vector<VersionSizes>& rows) {
    std::ofstream out(file);
    if (!note.empty()) out << "# " << note << '\n';
    out << "version\ttrainer_step";
    VersionSizes names;
    for (const auto& [name, field] : columns_of(names)) out << '\t' << name;
    out << '\n';
    for (VersionSizes row : rows) {
        out << row.version << '\t' << row.trainer_step;
        for (const auto& [name, field] : columns_of(row)) out << '\t' << *field;
        out << '\n';
    }
    out.flush();
    if (!out) throw std::runtime_error(file.string() + ": cannot be written");
}

std::vector<VersionSizes> read_sizes(const std::filesystem::path& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error(file.string() + ": cannot be read");
    std::vector<VersionSizes> rows;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with('#') || line.starts_with("version")) continue;
        std::istringstream cells(line);
        VersionSizes row;
        cells >> row.version >> row.trainer_step;
        for (const auto& [name, field] : columns_of(row)) cells >> *field;
        if (!cells) throw std::runtime_error(file.string() + ": not a line of sizes: " + line);
        rows.push_back(row);
    }
    return rows;
}

}  // namespace dws
