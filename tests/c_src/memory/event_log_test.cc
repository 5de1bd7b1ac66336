// The log of events: its file, and a replay that gives the same layout.

#include "c_src/memory/event_log.h"

#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "c_src/memory/device_memory.h"
#include "c_src/memory/log_replay.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace amdgpu {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;

std::string TempPath(const std::string& name) { return testing::TempDir() + "/" + name; }

// Random work on two streams with fences, growing and trimming.
void Work(DeviceMemory& memory, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  MemoryResource& resource = memory.resource();
  std::vector<BlockHandle> live;
  std::vector<Ticket> submitted(2, 0);
  for (int step = 0; step < 3000; ++step) {
    const auto stream = static_cast<StreamId>(random() % 2);
    const AllocationRequest request{.bytes = random() % (1 << (8 + random() % 15)),
                                    .stream = stream,
                                    .owner = random() % 3,
                                    .idle = random() % 10 == 0};
    absl::StatusOr<Allocation> block = resource.Allocate(request);
    if (NeededBytes(block.status()).has_value() && resource.Regions().size() < 8) {
      const std::uint64_t offset = 8 * kMiB * (1 + random() % 100);
      if (resource.AddRegion({.offset = offset, .bytes = 8 * kMiB}).ok()) {
        block = resource.Allocate(request);
      }
    }
    if (block.ok()) live.push_back(block->handle);
    if (live.size() > 40 || (!block.ok() && !live.empty())) {
      std::swap(live[random() % live.size()], live.back());
      std::vector<Fence> fences;
      for (StreamId user = 0; user < 2; ++user) {
        if (random() % 2 == 0) fences.push_back({user, ++submitted[user]});
      }
      ASSERT_TRUE(resource.Deallocate(live.back(), fences).ok());
      EXPECT_FALSE(resource.Deallocate(live.back(), fences).ok());
      live.pop_back();
    }
    if (random() % 4 == 0) memory.clocks()[stream].completed = submitted[stream];
    if (random() % 200 == 0) {
      for (const Region& region : resource.FreeRegions()) {
        ASSERT_TRUE(resource.RemoveRegion(region.offset).ok());
      }
    }
  }
}

TEST(EventLogTest, AReplayGivesTheSameLayout) {
  const std::string path = TempPath("layout.log");
  DeviceMemory memory({});
  ASSERT_TRUE(memory.StartLog(path).ok());
  Work(memory, 1);
  ASSERT_TRUE(memory.StopLog().ok());

  const absl::StatusOr<std::vector<LogRecord>> records = ReadLog(path);
  ASSERT_TRUE(records.ok()) << records.status();
  DeviceMemory copy({});
  LogReplay replay(&copy.resource(), &copy.clocks());
  for (const LogRecord& record : *records) {
    const absl::Status status = replay.Play(record);
    ASSERT_TRUE(status.ok()) << status << " at " << &record - records->data();
  }
  EXPECT_EQ(replay.moved(), 0u);
  EXPECT_EQ(copy.resource().Regions(), memory.resource().Regions());
  EXPECT_EQ(copy.resource().Stats().used, memory.resource().Stats().used);
  EXPECT_EQ(copy.Usage().peak_bytes, memory.Usage().peak_bytes);
}

TEST(EventLogTest, ALogBegunLateStartsFromWhatIsLive) {
  const std::string path = TempPath("late.log");
  DeviceMemory memory({});
  Work(memory, 2);
  ASSERT_TRUE(memory.StartLog(path).ok());
  EXPECT_EQ(memory.StartLog(path).code(), absl::StatusCode::kFailedPrecondition);
  Work(memory, 3);
  ASSERT_TRUE(memory.StopLog().ok());
  const std::uint64_t used = memory.resource().Stats().used;
  Work(memory, 4);  // not logged

  const absl::StatusOr<std::vector<LogRecord>> records = ReadLog(path);
  ASSERT_TRUE(records.ok());
  DeviceMemory copy({});
  // The layout may differ, and so may need more room.
  ASSERT_TRUE(copy.resource().AddRegion({.offset = 1 << 30, .bytes = 256 * kMiB, .arena = 9}).ok());
  LogReplay replay(&copy.resource(), &copy.clocks());
  for (const LogRecord& record : *records) {
    if (record.kind == LogKind::kRegionRemoved) continue;
    ASSERT_TRUE(replay.Play(record).ok());
  }
  EXPECT_EQ(copy.resource().Stats().used, used);
}

TEST(EventLogTest, ACallbackSeesEveryEvent) {
  DeviceMemory memory({});
  std::vector<LogKind> kinds;
  ASSERT_TRUE(memory.StartLog([&](const LogRecord& record) { kinds.push_back(record.kind); }).ok());
  ASSERT_TRUE(memory.resource().AddRegion({.offset = 0, .bytes = kMiB}).ok());
  EXPECT_FALSE(memory.resource().Allocate({.bytes = 2 * kMiB}).ok());
  const BlockHandle block = memory.resource().Allocate({.bytes = 100})->handle;
  const Fence fence{1, 3};
  memory.clocks()[1].completed = 2;
  ASSERT_TRUE(memory.resource().Deallocate(block, {&fence, 1}).ok());
  memory.clocks()[1].completed = 3;
  ASSERT_TRUE(memory.resource().RemoveRegion(0).ok());
  ASSERT_TRUE(memory.StopLog().ok());
  EXPECT_FALSE(memory.resource().Allocate({.bytes = 1}).ok());
  EXPECT_EQ(kinds,
            (std::vector<LogKind>{LogKind::kRegionAdded, LogKind::kRefused, LogKind::kAllocate,
                                  LogKind::kCompleted, LogKind::kFence, LogKind::kFree,
                                  LogKind::kCompleted, LogKind::kRegionRemoved}));
}

TEST(EventLogTest, FilesThatAreNotLogsAreRefused) {
  EXPECT_EQ(ReadLog(TempPath("no such file")).status().code(), absl::StatusCode::kNotFound);
  const auto read = [](const std::string& content) {
    const std::string path = TempPath("bad.log");
    std::ofstream(path, std::ios::binary) << content;
    return ReadLog(path).status();
  };
  EXPECT_EQ(read("").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(read("hello").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(read(std::string(1000, 'x')).code(), absl::StatusCode::kInvalidArgument);
  LogHeader header;
  header.record_bytes = sizeof(LogRecord);
  const auto bytes = [](const auto& value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  EXPECT_TRUE(read(bytes(header)).ok());
  LogHeader newer = header;
  newer.version = kLogVersion + 1;
  EXPECT_THAT(std::string(read(bytes(newer)).message()), HasSubstr("version 2"));
  LogRecord unknown;
  unknown.kind = static_cast<LogKind>(99);
  EXPECT_THAT(std::string(read(bytes(header) + bytes(unknown)).message()), HasSubstr("kind 99"));
  // Cut off in a record: what is whole counts.
  const std::string path = TempPath("cut.log");
  std::ofstream(path, std::ios::binary)
      << bytes(header) << bytes(LogRecord{}) << bytes(LogRecord{}).substr(0, 20);
  EXPECT_EQ(ReadLog(path)->size(), 1u);
}

TEST(EventLogTest, AFullDiskIsReportedAtStop) {
  DeviceMemory memory({});
  if (absl::Status status = memory.StartLog("/dev/full"); status.ok()) {
    for (int i = 0; i < 1000; ++i) memory.resource().Allocate({.bytes = 1}).IgnoreError();
    EXPECT_FALSE(memory.StopLog().ok());
  }
  EXPECT_FALSE(memory.StartLog("/no/such/directory/log").ok());
  EXPECT_TRUE(memory.StopLog().ok());
  // It can be started again.
  EXPECT_TRUE(memory.StartLog(TempPath("again.log")).ok());
}

TEST(EventLogTest, CanBeSwitchedWhileOthersAllocate) {
  DeviceMemory memory({});
  ASSERT_TRUE(memory.resource().AddRegion({.offset = 0, .bytes = 64 * kMiB}).ok());
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (StreamId self = 0; self < 2; ++self) {
    threads.emplace_back([&, self] {
      while (!stop) {
        const absl::StatusOr<Allocation> block =
            memory.resource().Allocate({.bytes = 4096, .stream = self});
        ASSERT_TRUE(block.ok());
        ASSERT_TRUE(memory.resource().Deallocate(block->handle, {}).ok());
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const std::string path = TempPath("switched.log");
    ASSERT_TRUE(memory.StartLog(path).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_TRUE(memory.StopLog().ok());
    ASSERT_TRUE(ReadLog(path).ok());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace amdgpu
