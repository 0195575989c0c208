// A value, or the reason there is none. Member names are those of C++23's std::expected, so that
// moving to C++23 turns this file into one alias.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace dws {

// Sorted by what the caller does next, not by where it happened.
enum class Fault {
    missing,     // no such object, not yet or no longer:         wait, or ask for an anchor
    corrupt,     // bytes came, but length, hash or form is wrong: fetch them again, or an anchor
    wrong_base,  // sound delta, but not from what we hold:        ask for an anchor
    transport,   // nobody answered and the retries are spent:     keep what we have, try later
    untrusted,   // signature, chain or epoch does not hold:       stop and tell the operator
    superseded,  // another writer owns the log:                   stop writing
};

// The enumerator's own name, for logs.
const char* name_of(Fault fault);
// What whoever reads the error in the end does next: one clause for the end of its line.
const char* next_action(Fault fault);

struct Error {
    Fault fault;
    std::string detail;  // one clause for the log: which object, what was expected, what came
    double retry_after_s = 0;  // transport: whoever answered asked to be left alone so long
};

// "fault: detail; next action", the one line of a failure that is final.
std::string final_line(const Error& error);

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::move(value)) {}
    Result(Error error) : state_(std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    const T& operator*() const { return std::get<0>(state_); }
    T& operator*() { return std::get<0>(state_); }
    const T* operator->() const { return &std::get<0>(state_); }
    T* operator->() { return &std::get<0>(state_); }
    const Error& error() const { return std::get<1>(state_); }

private:
    std::variant<T, Error> state_;
};

struct Done {};  // the value of an operation that only succeeds or fails

}  // namespace dws
