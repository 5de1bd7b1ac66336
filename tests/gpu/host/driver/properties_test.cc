// What the driver says of this machine.

#include "gpu/host/driver/properties.h"

#include <gtest/gtest.h>

namespace amdgpu::host {
namespace {

TEST(ModelNameTest, IsFoundInTheKernelsText) {
  EXPECT_EQ(
      ModelName("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a\n"),
      "Some CPU @ 2 GHz");
  EXPECT_EQ(ModelName("model name\t: last line"), "last line");
}

TEST(ModelNameTest, MayBeMissing) {
  EXPECT_EQ(ModelName(""), "");
  EXPECT_EQ(ModelName("model name"), "");
  EXPECT_EQ(ModelName("model name\nflags\t: a\n"), "");
}

TEST(PropertiesTest, DescribeThisMachine) {
  const gpu::Properties properties = DescribeHost(UsableCores(), 1 << 20);
  EXPECT_EQ(properties.kind(), "host");
  EXPECT_EQ(properties.compute_units(), UsableCores());
  EXPECT_EQ(properties.memory_bytes(), 1u << 20);
  EXPECT_EQ(properties.arch().substr(0, 8), "x86_64-v");
  EXPECT_TRUE(properties.host_visible());
  EXPECT_EQ(properties.max_grid_threads(), std::uint64_t{1} << 31);
}

}  // namespace
}  // namespace amdgpu::host
