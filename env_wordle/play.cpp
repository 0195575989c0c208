#include "env_wordle/play.h"

#include <array>
#include <cstddef>
#include <istream>
#include <ostream>
#include <string_view>
#include <unordered_map>

#include "env_wordle/session.h"

namespace dws {
namespace {

constexpr std::size_t kLineChars = 200;  // more of one line is not shown back
constexpr std::array<std::string_view, 3> kKeyboard{"qwertyuiop", "asdfghjkl", "zxcvbnm"};

using Keys = std::unordered_map<char, char>;  // letter -> its best mark so far

int rank_of(char mark) { return mark == 'G' ? 2 : mark == 'Y' ? 1 : 0; }

void remember(Keys& keys, std::string_view word, std::string_view feedback) {
    for (std::size_t place = 0; place < word.size(); ++place) {
        const auto [key, is_new] = keys.try_emplace(word[place], feedback[place]);
        if (!is_new && rank_of(feedback[place]) > rank_of(key->second))
            key->second = feedback[place];
    }
}

// ANSI: white on green, black on yellow, white on grey.
std::string tile(char letter, char mark) {
    const char* colour = mark == 'G' ? "1;97;42" : mark == 'Y' ? "1;30;43" : "1;97;100";
    return std::string("\x1b[") + colour + "m " + letter + " \x1b[0m";
}

char upper(char letter) { return static_cast<char>(letter - 'a' + 'A'); }

void show_row(std::ostream& out, std::string_view word, std::string_view feedback,
              bool is_colored) {
    out << "  ";
    for (std::size_t place = 0; place < word.size(); ++place)
        if (is_colored)
            out << tile(upper(word[place]), feedback[place]);
        else
            out << upper(word[place]) << ' ';
    if (!is_colored) {
        out << "\n  ";
        for (const char mark : feedback) out << mark << ' ';
    }
    out << '\n';
}

// Coloured, every key stands in its best mark; plain, keys known to be absent become dots.
void show_keyboard(std::ostream& out, const Keys& keys, bool is_colored) {
    std::string indent = "  ";
    for (const std::string_view row : kKeyboard) {
        out << indent;
        for (const char letter : row) {
            const auto key = keys.find(letter);
            if (key == keys.end())
                out << ' ' << letter << ' ';
            else if (is_colored)
                out << tile(upper(letter), key->second);
            else
                out << ' ' << (key->second == 'X' ? '.' : upper(letter)) << ' ';
        }
        out << '\n';
        indent += ' ';
    }
}

}  // namespace

bool play(const PlayOptions& options, const std::string& secret, const WordList& words,
          std::istream& in, std::ostream& out) {
    Session session(options.rules, secret);
    Keys keys;
    out << session.opening().text << "\n\n";
    for (std::string line; !session.is_done();) {
        out << "guess> " << std::flush;
        if (!std::getline(in, line)) {
            out << "\nThe word was " << secret << ".\n";
            return false;
        }
        const std::string said = line.substr(0, kLineChars);
        const EnvReply reply = session.step(said, words);
        if (reply.feedback.empty()) {
            out << reply.text << '\n';
            continue;
        }
        const std::string word = guess_in(said);
        remember(keys, word, reply.feedback);
        show_row(out, word, reply.feedback, options.is_colored);
        if (!reply.valid) out << "  (not in the word list)\n";
        show_keyboard(out, keys, options.is_colored);
    }
    if (session.is_won())
        out << "Found.\n";
    else
        out << "The word was " << secret << ".\n";
    return session.is_won();
}

}  // namespace dws
