#include "base/zeroed_array.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace resolve64 {
namespace {

TEST(ZeroedArray, IsZeroAtFirstAndAfterClear) {
  ZeroedArray<std::uint16_t> array(1U << 20);
  ASSERT_EQ(1U << 20, array.size());
  for (const std::size_t at : {std::size_t{0}, std::size_t{12345}, array.size() - 1}) {
    EXPECT_EQ(0, array[at]);
    array[at] = 7;
    EXPECT_EQ(7, array[at]);
  }
  array.Clear();
  ASSERT_EQ(1U << 20, array.size());
  for (std::size_t at = 0; at < array.size(); ++at) ASSERT_EQ(0, array[at]);
}

TEST(ZeroedArray, MayBeEmpty) {
  const ZeroedArray<std::uint16_t> array(0);
  EXPECT_EQ(0U, array.size());
}

}  // namespace
}  // namespace resolve64
