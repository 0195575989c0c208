#include "experiments/faults/tally.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace dws {
namespace {

struct Column {
    const char* name;
    std::int64_t Tally::*count;
};
constexpr std::array kColumns{Column{"repetitions", &Tally::repetitions},
                              Column{"recovered", &Tally::recovered},
                              Column{"lost_versions", &Tally::lost_versions},
                              Column{"lost_games", &Tally::lost_games},
                              Column{"digests_differ", &Tally::digests_differ},
                              Column{"versions_twice", &Tally::versions_twice},
                              Column{"games_twice", &Tally::games_twice},
                              Column{"chains_broken", &Tally::chains_broken},
                              Column{"versions", &Tally::versions},
                              Column{"digests_compared", &Tally::digests_compared},
                              Column{"replays", &Tally::replays},
                              Column{"rollbacks", &Tally::rollbacks},
                              Column{"from_words", &Tally::from_words}};

}  // namespace

void Tally::add(const Tally& more) {
    for (const Column& column : kColumns) this->*column.count += more.*column.count;
    seconds += more.seconds;
}

bool Tally::is_clean() const {
    return recovered == repetitions && lost_versions == 0 && lost_games == 0 &&
           digests_differ == 0 && versions_twice == 0 && games_twice == 0 && chains_broken == 0;
}

void TallyTable::add(const std::string& scenario, const Tally& more) {
    const std::lock_guard lock(mutex_);
    rows_[scenario].add(more);
}

void TallyTable::skip(const std::string& scenario, const std::string& why) {
    const std::lock_guard lock(mutex_);
    skipped_[scenario] = why;
}

void TallyTable::explain(const std::string& line) {
    const std::lock_guard lock(mutex_);
    explanations_.push_back(line);
}

void TallyTable::write(const std::filesystem::path& file, const std::string& note,
                       const std::vector<std::string>& scenarios) const {
    const std::lock_guard lock(mutex_);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file);
    if (!note.empty()) out << "# " << note << "\n";
    out << "scenario";
    for (const Column& column : kColumns) out << "\t" << column.name;
    out << "\tseconds\n";
    for (const std::string& scenario : scenarios) {
        if (const auto why = skipped_.find(scenario); why != skipped_.end())
            out << "# " << scenario << " skipped: " << why->second << "\n";
        const auto row = rows_.find(scenario);
        if (row == rows_.end()) continue;
        out << scenario;
        for (const Column& column : kColumns) out << "\t" << row->second.*column.count;
        out << fmt::format("\t{:.0f}\n", row->second.seconds);
    }
    if (!out) throw std::runtime_error("cannot write " + file.string());
}

std::string TallyTable::text(const std::vector<std::string>& scenarios) const {
    const std::lock_guard lock(mutex_);
    std::string text = fmt::format("{:<24}", "");
    for (const Column& column : kColumns) text += fmt::format(" {:>16}", column.name);
    text += "\n";
    for (const std::string& scenario : scenarios) {
        if (const auto why = skipped_.find(scenario); why != skipped_.end())
            text += fmt::format("{:<24} NOT TRIED: {}\n", scenario, why->second);
        const auto row = rows_.find(scenario);
        if (row == rows_.end()) continue;
        text += fmt::format("{:<24}", scenario);
        for (const Column& column : kColumns)
            text += fmt::format(" {:>16}", row->second.*column.count);
        text += "\n";
    }
    for (const std::string& line : explanations_) text += line + "\n";
    return text;
}

bool TallyTable::is_empty() const {
    const std::lock_guard lock(mutex_);
    return rows_.empty();
}

bool TallyTable::is_clean() const {
    const std::lock_guard lock(mutex_);
    for (const auto& [scenario, tally] : rows_)
        if (!tally.is_clean()) return false;
    return true;
}

}  // namespace dws
