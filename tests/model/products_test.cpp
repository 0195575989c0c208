#include "model/products.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

ModelConfig of_size(int hidden_size) {
    ModelConfig config;
    config.hidden_size = hidden_size;
    return config;
}

TEST(Products, AreWhatTheirNameSays) {
    EXPECT_EQ(products_named("fp32", of_size(4096)), Products::fp32);
    EXPECT_EQ(products_named("bf16", of_size(64)), Products::bf16);
}

TEST(Products, AutomaticallyAreBf16FromAHiddenSizeOf512On) {
    EXPECT_EQ(products_named("auto", of_size(511)), Products::fp32);
    EXPECT_EQ(products_named("auto", of_size(512)), Products::bf16);
}

TEST(ProductsDeath, HaveOneOfThreeNames) {
    EXPECT_DEATH(products_named("bf17", of_size(64)), "products");
}

}  // namespace
}  // namespace dws
