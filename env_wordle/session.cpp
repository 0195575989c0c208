#include "env_wordle/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/require.h"

namespace dws {
namespace {

constexpr const char* kMarksExplained =
    "Each guess is answered letter by letter:\n"
    "G: right letter in the right place\n"
    "Y: the letter is in the word, in another place\n"
    "X: the letter is not in the word, or not once more";

std::string lower(std::string_view text) {
    std::string lowered(text);
    for (char& c : lowered)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lowered;
}

// What may stand in a bracketed word. Bytes of letters beyond ASCII count, so that such a word is
// refused for its letters and not for its brackets.
bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

// The first "[word]", without its brackets and in lower case; empty when there is none.
std::string bracketed_word(std::string_view text) {
    for (std::size_t open = text.find('['); open != std::string_view::npos;
         open = text.find('[', open + 1)) {
        const std::string_view rest = text.substr(open + 1);
        const auto end = std::find_if_not(rest.begin(), rest.end(), is_word_byte);
        if (end != rest.begin() && end != rest.end() && *end == ']')
            return lower({rest.begin(), end});
    }
    return {};
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kWhite = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kWhite);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

std::string guesses_left(int turn) {
    return fmt::format("You have {} guesses left.", kTurnsMax - turn);
}

}  // namespace

std::string guess_in(std::string_view said) {
    std::string word = bracketed_word(said);
    if (word.empty()) word = lower(trimmed(said));
    return is_word(word) ? word : std::string{};
}

std::string rows_of(std::string_view word, const Marks& marks) {
    std::string letters;
    std::string signs;
    for (std::size_t place = 0; place < kWordLetters; ++place) {
        letters += place == 0 ? "" : " ";
        signs += place == 0 ? "" : " ";
        letters += static_cast<char>(word[place] - 'a' + 'A');
        signs += marks[place];
    }
    return letters + "\n" + signs;
}

Session::Session(Rules rules, std::string secret) : rules_(rules), secret_(std::move(secret)) {
    require(is_word(secret_), "a secret of five letters a-z");
}

EnvReply Session::standing() const {
    EnvReply reply;
    reply.turn = turn_;
    reply.turns_max = kTurnsMax;
    reply.won = is_won_;
    reply.done = is_done_;
    return reply;
}

EnvReply Session::opening() const {
    EnvReply reply = standing();
    const bool is_open = rules_ == Rules::open;
    reply.text = fmt::format(
        "{}Find the secret word: five letters, {} guesses.\n{}\n{}", is_open ? "" : "[GAME] ",
        kTurnsMax,
        is_open ? "Answer with five letters, alone or in square brackets: [abcde]"
                : "Put each guess in square brackets, such as [abcde]. It must be an English word "
                  "that you have not guessed before.",
        kMarksExplained);
    return reply;
}

EnvReply Session::state() const {
    EnvReply reply = standing();
    // The row that won is the secret, so it is left out.
    const std::size_t rows = guesses_.size() - (is_won_ ? 1 : 0);
    for (std::size_t row = 0; row < rows; ++row)
        reply.text += rows_of(guesses_[row].word, guesses_[row].marks) + "\n";
    if (is_won_)
        reply.text += fmt::format("The word was found in turn {}.", turn_);
    else if (is_done_)
        reply.text += "The game is lost.";
    else
        reply.text += guesses_left(turn_);
    return reply;
}

EnvReply Session::step(std::string_view said, const WordList& words) {
    if (is_done_) {
        EnvReply reply = standing();
        reply.error = EnvErrorCode::finished;
        reply.message = "this game is over: close it and open another";
        return reply;
    }
    return rules_ == Rules::open ? step_open(said, words) : step_textarena(said, words);
}

EnvReply Session::step_open(std::string_view said, const WordList& words) {
    const std::string word = guess_in(said);
    if (word.empty()) {
        turn_ += 1;
        is_done_ = turn_ == kTurnsMax;
        EnvReply reply = standing();
        reply.text = "That is not five letters a-z, alone or in square brackets.\n";
        reply.text += guesses_left(turn_);
        return reply;
    }
    EnvReply reply = play(word);
    reply.valid = contains(words, word);
    reply.text = reply.valid ? "" : fmt::format("'{}' is not in the word list.\n", word);
    reply.text += rows_of(word, guesses_.back().marks) + "\n";
    reply.text +=
        is_won_ ? fmt::format("You found the word in turn {}.", turn_) : guesses_left(turn_);
    return reply;
}

EnvReply Session::step_textarena(std::string_view said, const WordList& words) {
    const bool has_bracket = said.find_first_of("[]") != std::string_view::npos;
    const std::string action = has_bracket ? std::string(said) : fmt::format("[{}]", said);
    const std::string echo = "\n[GAME] " + action;
    const std::string word = bracketed_word(action);

    if (word.empty()) return refuse(echo, "The guess is one word in square brackets.");
    if (word.size() != kWordLetters) return refuse(echo, "The word has exactly five letters.");
    if (has_guessed(word)) return refuse(echo, fmt::format("You have guessed '{}' already.", word));
    if (!contains(words, word)) return refuse(echo, fmt::format("'{}' is no English word.", word));

    was_refused_ = false;
    EnvReply reply = play(word);
    reply.valid = true;
    reply.text = echo;
    if (is_won_) return reply;
    const Marks& marks = guesses_.back().marks;
    reply.text += fmt::format("\n[GAME] You submitted [{}].\nFeedback:\n{}\n{}", word,
                              rows_of(word, marks), guesses_left(turn_));
    if (is_done_) reply.reward = partial_credit(marks);
    return reply;
}

// The first refused move in a row costs nothing; the second ends the game without reward, so that
// giving up never pays.
EnvReply Session::refuse(const std::string& echo, const std::string& reason) {
    is_done_ = was_refused_;
    was_refused_ = true;
    EnvReply reply = standing();
    reply.text = echo;
    if (!is_done_)
        reply.text += "\n[GAME] You attempted an invalid move. Reason: " + reason +
                      " Send another guess: a second invalid move in a row ends the game.";
    return reply;
}

EnvReply Session::play(const std::string& word) {
    const Marks marks = judge(word, secret_);
    guesses_.push_back({word, marks});
    turn_ += 1;
    is_won_ = word == secret_;
    is_done_ = is_won_ || turn_ == kTurnsMax;
    EnvReply reply = standing();
    reply.feedback = text_of(marks);
    reply.greens = greens_in(marks);
    reply.yellows = yellows_in(marks);
    reply.reward = is_won_ ? 1 : 0;
    return reply;
}

bool Session::has_guessed(std::string_view word) const {
    return std::any_of(guesses_.begin(), guesses_.end(),
                       [&](const Guess& guess) { return guess.word == word; });
}

}  // namespace dws
