#include "model/chat_template.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

TEST(ChatTemplate, IsWordForWordThatOfQwen3) {
    EXPECT_EQ(chat_turn("system", "Be brief.") + chat_turn("user", "Hi") + assistant_opening(false),
              "<|im_start|>system\nBe brief.<|im_end|>\n"
              "<|im_start|>user\nHi<|im_end|>\n"
              "<|im_start|>assistant\n<think>\n\n</think>\n\n");
}

TEST(ChatTemplate, WithThinkingTheTurnIsTheModels) {
    EXPECT_EQ(assistant_opening(true), "<|im_start|>assistant\n");
}

TEST(ChatTemplate, AnOpenedTurnClosesLikeAWholeOne) {
    EXPECT_EQ(assistant_opening(true) + "Hello" + assistant_closing(),
              chat_turn("assistant", "Hello"));
}

}  // namespace
}  // namespace dws
