// Slabs of the arena: where they may lie, and what lies around them.

#include "gpu/host/driver/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/host/driver/page.h"

namespace amdgpu::host {
namespace {

class ArenaTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kBytes = 64 * kPageBytes;

  ArenaTest() : fd_(memfd_create("arena", MFD_CLOEXEC)), arena_(fd_, kBytes) {
    EXPECT_EQ(ftruncate(fd_, kBytes), 0);
  }
  ~ArenaTest() override { close(fd_); }

  static volatile char* At(gpu::DeviceAddress address) {
    return reinterpret_cast<volatile char*>(address);
  }

  int fd_;
  Arena arena_;
};

TEST_F(ArenaTest, ASlabIsThePartOfTheArena) {
  const absl::StatusOr<gpu::DeviceAddress> slab = arena_.Map(2 * kPageBytes, 4 * kPageBytes);
  ASSERT_TRUE(slab.ok()) << slab.status();
  At(*slab)[0] = 'a';
  At(*slab)[2 * kPageBytes - 1] = 'z';
  char byte = 0;
  EXPECT_EQ(pread(fd_, &byte, 1, 4 * kPageBytes), 1);
  EXPECT_EQ(byte, 'a');
  EXPECT_EQ(pread(fd_, &byte, 1, 6 * kPageBytes - 1), 1);
  EXPECT_EQ(byte, 'z');
}

TEST_F(ArenaTest, OnlyWholePagesInsideTheArena) {
  const std::uint64_t huge = ~std::uint64_t{0} - kPageBytes + 1;
  EXPECT_FALSE(arena_.Map(0, 0).ok());
  EXPECT_FALSE(arena_.Map(100, 0).ok());
  EXPECT_FALSE(arena_.Map(kPageBytes, 1).ok());
  EXPECT_FALSE(arena_.Map(kBytes + kPageBytes, 0).ok());
  EXPECT_FALSE(arena_.Map(kPageBytes, kBytes).ok());
  EXPECT_FALSE(arena_.Map(huge, 0).ok());
  EXPECT_FALSE(arena_.Map(kPageBytes, huge).ok());
  EXPECT_TRUE(arena_.Map(kBytes, 0).ok());
}

TEST_F(ArenaTest, KnowsWhatItContains) {
  const gpu::DeviceAddress slab = *arena_.Map(kPageBytes, 0);
  EXPECT_TRUE(arena_.Contains(slab, kPageBytes));
  EXPECT_TRUE(arena_.Contains(slab + kPageBytes, 0));
  EXPECT_FALSE(arena_.Contains(slab, kPageBytes + 1));
  EXPECT_FALSE(arena_.Contains(slab - 1, 1));
  EXPECT_FALSE(arena_.Contains(slab + 1, ~std::uint64_t{0}));
  EXPECT_FALSE(arena_.Contains(0, 1));
  EXPECT_TRUE(arena_.Unmap(slab).ok());
  EXPECT_FALSE(arena_.Contains(slab, 1));
  EXPECT_FALSE(arena_.Unmap(slab).ok());
}

TEST_F(ArenaTest, ALittlePastASlabReadsAsZero) {
  const gpu::DeviceAddress slab = *arena_.Map(kPageBytes, 0);
  EXPECT_EQ(At(slab)[-1], 0);
  EXPECT_EQ(At(slab)[kPageBytes], 0);
}

using ArenaDeathTest = ArenaTest;

TEST_F(ArenaDeathTest, WritingPastASlabFaults) {
  const gpu::DeviceAddress slab = *arena_.Map(kPageBytes, 0);
  EXPECT_DEATH(At(slab)[kPageBytes] = 1, "");
  EXPECT_DEATH(At(slab)[-1] = 1, "");
}

TEST_F(ArenaDeathTest, FarPastASlabFaults) {
  const gpu::DeviceAddress slab = *arena_.Map(kPageBytes, 0);
  EXPECT_DEATH((void)At(slab)[2 * kPageBytes], "");
  EXPECT_DEATH((void)At(slab)[32 << 20], "");
}

}  // namespace
}  // namespace amdgpu::host
