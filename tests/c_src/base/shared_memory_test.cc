// Shared memory: sealed, committed, and an error when there is none.

#include "c_src/base/shared_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace amdgpu {
namespace {

TEST(SharedMemory, CannotShrinkOrGrow) {
  const absl::StatusOr<UniqueFd> fd = CreateSharedMemory("test", 8192);
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(*FileBytes(fd->get()), 8192u);
  EXPECT_NE(ftruncate(fd->get(), 4096), 0);
  EXPECT_NE(ftruncate(fd->get(), 16384), 0);
  const absl::StatusOr<UniqueFd> growing = CreateSharedMemory("test", 8192, /*may_grow=*/true);
  EXPECT_EQ(ftruncate(growing->get(), 16384), 0);
  EXPECT_NE(ftruncate(growing->get(), 4096), 0);
}

TEST(SharedMemory, TwoMappingsAreOneMemory) {
  const absl::StatusOr<UniqueFd> fd = CreateSharedMemory("test", 1 << 20);
  ASSERT_TRUE(CommitSharedMemory(fd->get(), 0, 1 << 20).ok());
  absl::StatusOr<Mapping> first = Mapping::Map(fd->get(), 0, 1 << 20);
  const absl::StatusOr<Mapping> second = Mapping::Map(fd->get(), 4096, 4096);
  first->Populate();
  first->data()[4096] = std::byte{42};
  EXPECT_EQ(second->data()[0], std::byte{42});
  const Mapping moved = *std::move(first);
  EXPECT_EQ(moved.data()[4096], std::byte{42});
  ASSERT_TRUE(DecommitSharedMemory(fd->get(), 0, 1 << 20).ok());
  EXPECT_EQ(moved.data()[4096], std::byte{0});
}

TEST(SharedMemory, MoreThanThereIsIsRefusedBeforeAnyIsTaken) {
  // All of it would bring the machine's out-of-memory killer upon everybody.
  const std::uint64_t available = AvailableMemoryBytes();
  ASSERT_LT(available, std::uint64_t{1} << 50);
  const absl::StatusOr<UniqueFd> fd = CreateSharedMemory("test", std::uint64_t{1} << 50);
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(CommitSharedMemory(fd->get(), 0, std::uint64_t{1} << 50).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_GT(AvailableMemoryBytes(), available / 2);
  EXPECT_FALSE(Mapping::Map(-1, 0, 4096).ok());
}

}  // namespace
}  // namespace amdgpu
