// The ladder: what the hook is asked, and what the error says at its end.

#include "c_src/memory/out_of_memory.h"

#include <vector>

#include "c_src/base/error.h"
#include "c_src/memory/device_memory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace amdgpu {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;

class OutOfMemoryTest : public testing::Test {
 protected:
  void AddRegion(std::uint64_t bytes) {
    ASSERT_TRUE(memory_.resource().AddRegion({.offset = end_, .bytes = bytes}).ok());
    end_ += bytes;
  }

  DeviceMemory memory_{{}};
  std::uint64_t end_ = 0;
};

TEST_F(OutOfMemoryTest, TheHookMayReserveMore) {
  int asked = 0;
  const absl::StatusOr<Allocation> block = memory_.AllocateOrMakeRoom(
      {.bytes = 10 * kMiB, .stream = 2, .owner = 3}, [&](const Shortage& shortage) {
        EXPECT_EQ(shortage.attempt, asked++);
        EXPECT_EQ(shortage.limited_by, "system");
        EXPECT_EQ(shortage.request.owner, 3u);
        AddRegion(shortage.needed_bytes);
        return true;
      });
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(memory_.resource().Stats().reserved, 10 * kMiB);
}

TEST_F(OutOfMemoryTest, TheHookMayWaitForFences) {
  AddRegion(8 * kMiB);
  const BlockHandle first = memory_.resource().Allocate({.bytes = 8 * kMiB, .stream = 1})->handle;
  const Fence fence{1, 77};
  ASSERT_TRUE(memory_.resource().Deallocate(first, {&fence, 1}).ok());
  const absl::StatusOr<Allocation> block =
      memory_.AllocateOrMakeRoom({.bytes = 8 * kMiB, .stream = 2}, [&](const Shortage&) {
        EXPECT_EQ(memory_.PendingFences(), std::vector<Fence>{fence});
        memory_.clocks()[1].completed = 77;
        return true;
      });
  EXPECT_TRUE(block.ok());
}

TEST_F(OutOfMemoryTest, TheHookMayFreeWhatALimitIsShortOf) {
  AddRegion(64 * kMiB);
  memory_.SetOwnerLimit(5, 4 * kMiB);
  const BlockHandle garbage = memory_.resource().Allocate({.bytes = 3 * kMiB, .owner = 5})->handle;
  const absl::StatusOr<Allocation> block =
      memory_.AllocateOrMakeRoom({.bytes = 2 * kMiB, .owner = 5}, [&](const Shortage& shortage) {
        EXPECT_EQ(shortage.limited_by, "owner");
        EXPECT_EQ(shortage.needed_bytes, 0u);
        return memory_.resource().Deallocate(garbage, {}).ok();
      });
  EXPECT_TRUE(block.ok());
}

TEST_F(OutOfMemoryTest, AHookThatHelpsNothingIsAskedSoOftenAndNoMore) {
  int asked = 0;
  const absl::StatusOr<Allocation> block =
      memory_.AllocateOrMakeRoom({.bytes = 1}, [&](const Shortage&) {
        ++asked;
        return true;
      });
  EXPECT_EQ(block.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(asked, kMaxAttempts);
}

TEST_F(OutOfMemoryTest, TheErrorTellsTheTruth) {
  AddRegion(64 * kMiB);
  // Owners 1 to 7 hold 1 to 7 MiB in as many blocks of 1 MiB each: 28 blocks with gaps after them.
  std::vector<BlockHandle> gaps;
  for (OwnerId owner = 1; owner <= 7; ++owner) {
    for (OwnerId i = 0; i < owner; ++i) {
      ASSERT_TRUE(memory_.resource().Allocate({.bytes = kMiB, .owner = owner}).ok());
      gaps.push_back(memory_.resource().Allocate({.bytes = kMiB, .owner = 99})->handle);
    }
  }
  for (const BlockHandle gap : gaps) ASSERT_TRUE(memory_.resource().Deallocate(gap, {}).ok());

  const absl::Status status = memory_
                                  .AllocateOrMakeRoom({.bytes = 20 * kMiB + 5, .owner = 1},
                                                      [](const Shortage&) { return false; })
                                  .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const auto detail = GetErrorDetail(status);
  ASSERT_TRUE(detail.has_value());
  const proto::OutOfMemoryDetail& memory = detail->out_of_memory();
  EXPECT_EQ(memory.asked(), 20 * kMiB + 5);
  EXPECT_EQ(memory.free(), 36 * kMiB);
  EXPECT_EQ(memory.largest_free(), 9 * kMiB);  // the last gap and the untouched rest
  EXPECT_EQ(memory.limit(), 0u);
  EXPECT_EQ(memory.limited_by(), "system");
  ASSERT_EQ(memory.holders_size(), 5);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(memory.holders(i).owner(), static_cast<OwnerId>(7 - i));
    EXPECT_EQ(memory.holders(i).bytes(), (7 - i) * kMiB);
    EXPECT_EQ(memory.holders(i).buffers(), static_cast<std::uint64_t>(7 - i));
    EXPECT_EQ(memory.holders(i).name(), "");
  }
  EXPECT_THAT(std::string(status.message()), HasSubstr("asked for 20 MiB (20971525 bytes)"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("36 MiB (37748736 bytes) free"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the largest piece 9 MiB"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("owner 7 with 7 MiB (7340032 bytes) in 7 buffers, owner 6"));
}

TEST_F(OutOfMemoryTest, OtherErrorsDoNotReachTheHook) {
  const absl::StatusOr<Allocation> block =
      memory_.AllocateOrMakeRoom({.bytes = 1, .stream = kMaxStreams}, [](const Shortage&) {
        ADD_FAILURE();
        return true;
      });
  EXPECT_EQ(block.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(OutOfMemoryTest, TheLadderIsAnAdaptorToo) {
  LadderAdaptor growing(&memory_.resource(), [&](const Shortage& shortage) {
    AddRegion(shortage.needed_bytes);
    return true;
  });
  EXPECT_TRUE(growing.Allocate({.bytes = kMiB}).ok());
  LadderAdaptor none(&memory_.resource(), nullptr);
  EXPECT_EQ(none.Allocate({.bytes = kMiB}).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(DeviceMemoryTest, HasTheLimitsItWasGiven) {
  DeviceMemory memory({.device_limit = 4 * kMiB, .default_owner_limit = 2 * kMiB});
  ASSERT_TRUE(memory.resource().AddRegion({.offset = 0, .bytes = 64 * kMiB}).ok());
  const auto limited_by = [&](std::uint64_t bytes, OwnerId owner) {
    const absl::StatusOr<Allocation> block =
        memory.resource().Allocate({.bytes = bytes, .owner = owner});
    return block.ok() ? "" : GetErrorDetail(block.status())->out_of_memory().limited_by();
  };
  EXPECT_EQ(limited_by(3 * kMiB, 1), "owner");
  EXPECT_EQ(limited_by(2 * kMiB, 1), "");
  EXPECT_EQ(limited_by(2 * kMiB, 2), "");
  EXPECT_EQ(limited_by(2 * kMiB, 3), "device");
  EXPECT_EQ(memory.Usage().bytes, 4 * kMiB);
  EXPECT_EQ(memory.Usage().failures, 2u);
}

}  // namespace
}  // namespace amdgpu
