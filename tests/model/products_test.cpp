#include "model/products.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace dws {
namespace {

ModelConfig of_size(int hidden_size) {
    ModelConfig config;
    config.hidden_size = hidden_size;
    return config;
}

TEST(Products, AreWhatTheirNameSays) {
    EXPECT_EQ(products_named("fp32", of_size(4096), true), Products::fp32);
    EXPECT_EQ(products_named("bf16", of_size(64), true), Products::bf16);
    EXPECT_STREQ(name_of(Products::fp32), "fp32");
    EXPECT_STREQ(name_of(Products::bf16), "bf16");
}

TEST(Products, AutomaticallyAreBf16FromAHiddenSizeOf512On) {
    EXPECT_EQ(products_named("auto", of_size(511), true), Products::fp32);
    EXPECT_EQ(products_named("auto", of_size(512), true), Products::bf16);
}

// Silently they would be others than those that were asked for, and than those of the checkpoint.
TEST(Products, InBf16NeedAUnitForIt) {
    EXPECT_EQ(products_named("auto", of_size(512), false), Products::fp32);
    EXPECT_EQ(products_named("fp32", of_size(512), false), Products::fp32);
    try {
        products_named("bf16", of_size(512), false);
        FAIL() << "taken without a unit";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("set fp32 or auto"));
    }
}

TEST(ProductsDeath, HaveOneOfThreeNames) {
    EXPECT_DEATH(products_named("bf17", of_size(64)), "products");
}

}  // namespace
}  // namespace dws
