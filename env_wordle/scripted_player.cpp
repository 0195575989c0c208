#include "env_wordle/scripted_player.h"

#include <algorithm>
#include <vector>

#include "env_wordle/wordle.h"

namespace dws {
namespace {

bool tells_something(const PastGuess& past) {
    return past.word.size() == kWordLetters && past.feedback.size() == kWordLetters;
}

bool is_consistent(const std::string& word, std::span<const PastGuess> history) {
    return std::all_of(history.begin(), history.end(), [&](const PastGuess& past) {
        if (!tells_something(past)) return true;
        const Marks marks = judge(past.word, word);
        return std::equal(marks.begin(), marks.end(), past.feedback.begin());
    });
}

}  // namespace

std::optional<std::string> consistent_guess(const WordList& words,
                                            std::span<const PastGuess> history,
                                            std::uint64_t random) {
    std::vector<const std::string*> fitting;
    fitting.reserve(words.size());
    for (const std::string& word : words)
        if (is_consistent(word, history)) fitting.push_back(&word);
    if (fitting.empty()) return std::nullopt;
    return *fitting[random % fitting.size()];  // bias below words / 2^64
}

}  // namespace dws
