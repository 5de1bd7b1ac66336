// The contract suite: properties, launches, what kernels print.

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/gpu/driver_contract.h"

namespace amdgpu::gpu {
namespace {

using absl::StatusCode;

TEST_P(DriverContract, PropertiesAreFilledIn) {
  const Properties& properties = driver().properties();
  EXPECT_FALSE(properties.kind().empty());
  EXPECT_FALSE(properties.name().empty());
  EXPECT_FALSE(properties.arch().empty());
  EXPECT_GE(properties.compute_units(), 1u);
  EXPECT_TRUE(properties.warp_size() == 32 || properties.warp_size() == 64);
  EXPECT_GE(properties.max_threads_per_block(), 256u);
  EXPECT_EQ(properties.max_block_size(), 3);
  EXPECT_EQ(properties.max_grid_size(), 3);
  EXPECT_GE(properties.max_shared_bytes(), 16u * 1024);
  EXPECT_GE(properties.memory_bytes(), DriverUnderTest::kMemoryBytes);
}

TEST_P(DriverContract, EveryThreadRunsOnce) {
  const std::pair<Dim3, Dim3> shapes[] = {
      {{1}, {1}},
      {{1000}, {1}},
      {{1}, {256}},
      {{7, 5, 3}, {2, 3, 4}},
      {{4097}, {33}},
      {{1, 300, 1}, {64}},
      {{1, 1, 50}, {1, 1, 64}},
      {{13, 1, 2}, {32, 8}},
  };
  for (const auto& [grid, block] : shapes) {
    const std::uint64_t threads = grid.Volume() * block.Volume();
    const DeviceAddress visits = Allocate(4 * threads);
    const DeviceAddress shape = Allocate(24);
    ASSERT_TRUE(driver().Fill(0, NextTicket(), visits, 0, 4, 4 * threads).ok());
    const Ticket ticket = Launch(0, "visit", grid, block, visits, shape);
    EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
    std::vector<std::uint32_t> counts(threads);
    Read(counts.data(), visits, 4 * threads);
    EXPECT_TRUE(std::all_of(counts.begin(), counts.end(), [](auto n) { return n == 1; }));
    std::uint32_t seen[6];
    Read(seen, shape, sizeof(seen));
    EXPECT_THAT(seen, testing::ElementsAre(grid.x, grid.y, grid.z, block.x, block.y, block.z));
    FreeAll();
  }
}

TEST_P(DriverContract, KernelsComputeOnBuffers) {
  constexpr std::uint32_t kCount = 1'000'003;
  const DeviceAddress a = Allocate(4 * kCount);
  const DeviceAddress b = Allocate(4 * kCount);
  const DeviceAddress out = Allocate(4 * kCount);
  std::vector<float> first(kCount);
  std::vector<float> second(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    first[i] = static_cast<float>(i) * 0.5f;
    second[i] = static_cast<float>(kCount - i);
  }
  Write(a, first.data(), 4 * kCount);
  Write(b, second.data(), 4 * kCount);
  const Ticket ticket = Launch(0, "add", {(kCount + 255) / 256}, {256}, a, b, out, kCount);
  const Completion completion = sink_.WaitFor(ticket);
  EXPECT_GT(completion.ended_ns, completion.started_ns);
  std::vector<float> sum(kCount);
  Read(sum.data(), out, 4 * kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(sum[i], first[i] + second[i]);
}

TEST_P(DriverContract, DynamicSharedMemoryIsThere) {
  const DeviceAddress out = Allocate(4 * 64 * 200);
  const Ticket ticket = LaunchPacked(0, "reverse", {200}, {64}, 64 * 4, Pack(out));
  sink_.WaitFor(ticket);
  std::vector<std::uint32_t> numbers(64 * 200);
  Read(numbers.data(), out, 4 * numbers.size());
  for (std::uint32_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(numbers[i], i / 64 * 1000 + 63 - i % 64);
  }
}

TEST_P(DriverContract, BadLaunchesAreRefused) {
  const DeviceAddress out = Allocate(4096);
  const std::string args = Pack(out, out);
  const FunctionHandle visit = function("visit");
  const auto launch = [&](FunctionHandle function, Dim3 grid, Dim3 block, std::uint32_t shared,
                          const std::string& with) {
    return CodeOf(driver().Launch(0, NextTicket(),
                                  {.function = function,
                                   .grid = grid,
                                   .block = block,
                                   .dynamic_shared_bytes = shared,
                                   .args = Bytes(with)}));
  };
  const std::uint32_t huge = 0xffffffff;
  EXPECT_EQ(launch(0, {1}, {1}, 0, args), StatusCode::kNotFound);
  EXPECT_EQ(launch(visit + 100000, {1}, {1}, 0, args), StatusCode::kNotFound);
  EXPECT_EQ(launch(visit, {0}, {1}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1, 0, 1}, {1}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1, 1, 0}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {4096}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {64, 64, 64}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {huge, huge, huge}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {huge, huge, huge}, {1}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 1 << 30, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 0, args.substr(1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 0, args + "x"), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 0, ""), StatusCode::kInvalidArgument);
  ASSERT_TRUE(driver().Synchronize(0).ok());
  EXPECT_TRUE(sink_.completions().empty());
}

TEST_P(DriverContract, WhatKernelsPrintComesBeforeTheirCompletion) {
  if (!under_test_->tells_who_prints()) {
    GTEST_SKIP() << "this device does not tell which launch printed";
  }
  const Ticket one = Launch(0, "print", {1}, {32}, 42);
  sink_.WaitFor(one);
  EXPECT_EQ(sink_.printed(one), "block 0: 42\n");
  const Ticket many = Launch(0, "print", {20}, {1}, -7);
  sink_.WaitFor(many);
  const std::string text = sink_.printed(many);
  for (int block = 0; block < 20; ++block) {
    EXPECT_THAT(text, testing::HasSubstr("block " + std::to_string(block) + ": -7\n"));
  }
}

TEST_P(DriverContract, EndlessPrintingIsCut) {
  if (!under_test_->tells_who_prints()) {
    GTEST_SKIP() << "this device does not tell which launch printed";
  }
  const Ticket ticket = Launch(0, "print", {500000}, {1}, 1);
  EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
  EXPECT_LT(sink_.printed(ticket).size(), std::size_t{4} << 20);
}

TEST_P(DriverContract, AWatchedLaunchIsToldToBeginWhenItDoes) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  const Ticket first = Launch(0, "spin_until", {1}, {1}, flag, done);
  const Ticket watched = NextTicket();
  ASSERT_TRUE(driver()
                  .Launch(0, watched,
                          {.function = function("empty"),
                           .grid = {1},
                           .block = {1},
                           .dynamic_shared_bytes = 0,
                           .args = {},
                           .watched = true})
                  .ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(sink_.Completed(first));
  EXPECT_FALSE(sink_.Started(watched));
  ASSERT_TRUE(driver().CreateStream(1).ok());
  const std::uint32_t one = 1;
  Write(flag, &one, sizeof(one), 1);
  EXPECT_EQ(sink_.WaitFor(watched).status, StatusCode::kOk);
  EXPECT_TRUE(sink_.Started(watched));
}

TEST_P(DriverContract, KernelsAreDescribed) {
  const absl::StatusOr<FunctionInfo> info = driver().Describe(function("add"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_GE(info->max_threads_per_block, 64u);
  EXPECT_LE(info->max_threads_per_block, driver().properties().max_threads_per_block());
  EXPECT_EQ(CodeOf(driver().Describe(0)), StatusCode::kNotFound);
}

TEST_P(DriverContract, OccupancySuggestsABlockSize) {
  const FunctionHandle add = function("add");
  const absl::StatusOr<Occupancy> occupancy = driver().OccupancyOf(add, 64, 0);
  ASSERT_TRUE(occupancy.ok()) << occupancy.status();
  EXPECT_GE(occupancy->blocks_per_unit, 1u);
  EXPECT_GT(occupancy->ratio, 0.0);
  EXPECT_GE(occupancy->best_ratio, occupancy->ratio);
  EXPECT_LE(occupancy->best_ratio, 1.0);
  const absl::StatusOr<Occupancy> best =
      driver().OccupancyOf(add, occupancy->suggested_block_threads, 0);
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_DOUBLE_EQ(best->ratio, occupancy->best_ratio);
  // More shared memory than there is.
  EXPECT_EQ(driver().OccupancyOf(add, 64, 1 << 30).value_or(Occupancy{}).blocks_per_unit, 0u);
  EXPECT_EQ(CodeOf(driver().OccupancyOf(0, 64, 0)), StatusCode::kNotFound);
}

TEST_P(DriverContract, DestroyedWithWorkQueuedItAnswersAll) {
  const DeviceAddress log = Allocate(4 * 2001);
  WriteWord(log, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  std::vector<Ticket> tickets;
  for (std::uint32_t i = 0; i < 300; ++i) {
    tickets.push_back(Launch(i % 2, "append", {1}, {1}, log + 4096 * (i % 2), 0u));
    if (i % 50 == 49) {
      ASSERT_TRUE(driver().Record(1, 3).ok());
      ASSERT_TRUE(driver().Wait(0, 3).ok());
    }
  }
  under_test_.reset();
  for (const Ticket ticket : tickets) ASSERT_TRUE(sink_.Completed(ticket));
  for (const Completion& completion : sink_.completions()) {
    EXPECT_TRUE(completion.status == StatusCode::kOk ||
                completion.status == StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace amdgpu::gpu
