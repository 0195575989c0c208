// What must hold whatever bytes the environment and its clients are sent: a message that is refused
// says why, one that is taken can be said again, and the game's answer to any text is a sound
// reply. A broken promise ends the program: the fuzzer keeps the input, the replay of the corpus
// fails.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/require.h"
#include "env_wordle/session.h"

namespace dws {

inline bool are_same(const EnvReply& left, const EnvReply& right) {
    return left.id == right.id && left.error == right.error && left.message == right.message &&
           left.session == right.session && left.text == right.text &&
           left.feedback == right.feedback && left.turn == right.turn &&
           left.turns_max == right.turns_max && left.greens == right.greens &&
           left.yellows == right.yellows && left.valid == right.valid && left.won == right.won &&
           left.done == right.done && left.reward == right.reward;
}

inline void check_sayable(const EnvReply& reply) {
    const Result<EnvReply> heard = decode_reply(encode(reply));
    require(bool(heard) && are_same(*heard, reply), "a reply is heard as it was said");
}

// The text in both games, until they are over.
inline void play_with(const std::string& text) {
    static const WordList words = words_in("apple\ncrane\nlemon\ntrain\n");
    for (const Rules rules : {Rules::open, Rules::textarena}) {
        Session session(rules, "crane");
        for (int turn = 0; turn < 8; ++turn) {
            const EnvReply reply = session.step(text, words);
            check_sayable(reply);
            require(reply.feedback.empty() || reply.won == (reply.feedback == "GGGGG"),
                    "five greens win, nothing else does");
            require(!session.is_won() || session.is_done(), "who has won is done");
        }
        require(session.is_done(), "no game lasts longer than eight moves of one text");
        check_sayable(session.state());
    }
}

inline bool fuzz_env_request(std::string_view message) {
    const Result<EnvRequest> request = decode_request(message);
    const std::uint64_t id = id_in(message);
    if (!request) {
        require(request.error().fault == Fault::corrupt, "foreign bytes are at worst corrupt");
        require(!request.error().detail.empty(), "a refusal says why");
        EnvReply refusal;
        refusal.id = id;
        refusal.error = EnvErrorCode::malformed;
        refusal.message = request.error().detail;
        check_sayable(refusal);
        return false;
    }
    require(message.size() <= kMaxMessageBytes, "a request has a limit");
    require(request->id == id, "a request has one id");
    const Result<EnvRequest> again = decode_request(encode(*request));
    require(bool(again) && again->call == request->call && again->id == request->id &&
                again->seed == request->seed && again->session == request->session &&
                again->text == request->text,
            "what was heard can be said");
    if (request->call == EnvCall::step) play_with(request->text);
    return true;
}

inline bool fuzz_env_reply(std::string_view message) {
    const Result<EnvReply> reply = decode_reply(message);
    if (!reply) {
        require(reply.error().fault == Fault::corrupt, "foreign bytes are at worst corrupt");
        require(!reply.error().detail.empty(), "a refusal says why");
        return false;
    }
    require(reply->turn >= 0 && reply->turn <= reply->turns_max, "turns used are turns there are");
    require(reply->greens >= 0 && reply->greens <= 5, "greens are letters");
    check_sayable(*reply);
    return true;
}

// True when the bytes are a request or a reply.
inline bool fuzz_env_message(std::span<const std::byte> input) {
    const bool is_request = fuzz_env_request(text_of(input));
    const bool is_reply = fuzz_env_reply(text_of(input));
    return is_request || is_reply;
}

}  // namespace dws
