// The contract suite: slabs, copies and fills.

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "tests/gpu/driver_contract.h"

namespace amdgpu::gpu {
namespace {

using absl::StatusCode;

TEST_P(DriverContract, ReleaseOfAnUnknownSlabIsAnError) {
  EXPECT_FALSE(driver().Release(0).ok());
  EXPECT_FALSE(driver().Release(slab() + 4096).ok());
  EXPECT_TRUE(driver().Release(slab()).ok());
  EXPECT_FALSE(driver().Release(slab()).ok());
}

TEST_P(DriverContract, ReserveOfNothingOrOfTooMuchIsAnError) {
  EXPECT_FALSE(driver().Reserve(0, 0).ok());
  EXPECT_FALSE(driver().Reserve(std::uint64_t{1} << 62, 0).ok());
}

TEST_P(DriverContract, CopiesOfEverySizeArriveWhole) {
  const std::uint64_t sizes[] = {0, 1, 2, 3, 7, 63, 64, 65, 4095, 4097, 1 << 20, (24 << 20) + 13};
  std::mt19937 random(1);
  for (const std::uint64_t size : sizes) {
    const DeviceAddress first = Allocate(size + 3) + 1;  // not aligned
    const DeviceAddress second = Allocate(size + 3) + 2;
    std::vector<unsigned char> sent(size);
    for (unsigned char& byte : sent) byte = static_cast<unsigned char>(random());
    Write(first, sent.data(), size);
    const Ticket copy = NextTicket();
    ASSERT_TRUE(driver().Copy(0, copy, second, first, size).ok());
    std::vector<unsigned char> received(size);
    Read(received.data(), second, size);
    EXPECT_TRUE(sink_.Completed(copy));
    EXPECT_TRUE(sent == received) << size << " bytes";
    FreeAll();
  }
}

TEST_P(DriverContract, CopiesMayOverlap) {
  const std::uint64_t size = 9 << 20;
  const DeviceAddress base = Allocate(size + 100);
  std::vector<unsigned char> expected(size + 100);
  std::iota(expected.begin(), expected.end(), 0);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] = static_cast<unsigned char>(i * 7 + i / 251);
  }
  Write(base, expected.data(), expected.size());
  std::memmove(expected.data() + 100, expected.data(), size);
  ASSERT_TRUE(driver().Copy(0, NextTicket(), base + 100, base, size).ok());
  std::memmove(expected.data(), expected.data() + 33, size);
  ASSERT_TRUE(driver().Copy(0, NextTicket(), base, base + 33, size).ok());
  ASSERT_TRUE(driver().Copy(0, NextTicket(), base, base, size).ok());
  std::vector<unsigned char> received(expected.size());
  Read(received.data(), base, received.size());
  EXPECT_TRUE(expected == received);
}

TEST_P(DriverContract, FillsRepeatTheirPattern) {
  const std::uint64_t pattern = 0x8877665544332211;
  for (const std::uint32_t width : {1u, 2u, 4u, 8u}) {
    for (const std::uint64_t count : {0u, 1u, 5u, 1000u, 1500001u}) {
      const std::uint64_t bytes = count * width;
      const DeviceAddress base = Allocate(bytes + 16);
      const std::vector<unsigned char> zero(bytes + 16, 0);
      Write(base, zero.data(), zero.size());
      ASSERT_TRUE(driver().Fill(0, NextTicket(), base + 8, pattern, width, bytes).ok());
      std::vector<unsigned char> expected(bytes + 16, 0);
      for (std::uint64_t i = 0; i < bytes; ++i) {
        expected[8 + i] = static_cast<unsigned char>(pattern >> (8 * (i % width)));
      }
      std::vector<unsigned char> received(bytes + 16);
      Read(received.data(), base, received.size());
      EXPECT_TRUE(expected == received) << count << " of " << width << " bytes";
      FreeAll();
    }
  }
}

TEST_P(DriverContract, BadFillsAreRefused) {
  EXPECT_EQ(CodeOf(driver().Fill(0, NextTicket(), slab(), 0, 3, 12)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(driver().Fill(0, NextTicket(), slab(), 0, 4, 6)), StatusCode::kInvalidArgument);
  EXPECT_TRUE(sink_.completions().empty());
}

}  // namespace
}  // namespace amdgpu::gpu
