// How a game becomes tokens. The worker plays any game whose environment speaks protocol.h; what
// the model reads and writes of it is decided here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "env_wordle/protocol.h"

namespace dws {

class GameText {
public:
    virtual ~GameText() = default;

    virtual int vocabulary() const = 0;  // ids used, 0 .. vocabulary - 1
    virtual int game_tokens_max() const = 0;
    virtual int answer_tokens() const = 0;
    // What sampling is restricted to; empty: all.
    virtual std::vector<std::int32_t> allowed_tokens() const = 0;

    // What stands before the first answer. reset: the environment's reply.
    virtual std::vector<std::int32_t> opening(const EnvReply& reset) const = 0;
    // What the environment is told. answer: (answer_tokens,).
    virtual std::string answer_text(std::span<const std::int32_t> answer) const = 0;
    // The environment's reply to it. Fault::corrupt when the reply does not fit the answer.
    virtual Result<std::vector<std::int32_t>> reply_tokens(std::span<const std::int32_t> answer,
                                                           const EnvReply& reply) const = 0;
};

}  // namespace dws
