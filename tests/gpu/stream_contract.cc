// The contract suite: order, streams and events.

#include <atomic>
#include <thread>
#include <vector>

#include "tests/gpu/driver_contract.h"

namespace amdgpu::gpu {
namespace {

using absl::StatusCode;

TEST_P(DriverContract, UnknownStreamsAndEventsAreErrors) {
  EXPECT_EQ(CodeOf(driver().Marker(7, NextTicket())), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Synchronize(7)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().DestroyStream(7)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Record(7, 1)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Wait(0, 1)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Query(1)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().DestroyEvent(1)), StatusCode::kNotFound);
  EXPECT_TRUE(driver().CreateStream(7).ok());
  EXPECT_EQ(CodeOf(driver().CreateStream(7)), StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(driver().CreateStream(0)), StatusCode::kAlreadyExists);
  EXPECT_TRUE(driver().DestroyStream(7).ok());
  EXPECT_TRUE(driver().CreateStream(7).ok());
  EXPECT_TRUE(sink_.completions().empty());
}

TEST_P(DriverContract, AStreamKeepsItsOrder) {
  constexpr std::uint32_t kCount = 500;
  const DeviceAddress log = Allocate(4 * (2 * kCount + 1));
  WriteWord(log, 0);
  std::vector<Ticket> tickets;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    tickets.push_back(Launch(0, "append", {1}, {1}, log, i));
    tickets.push_back(NextTicket());
    ASSERT_TRUE(driver().Marker(0, tickets.back()).ok());
  }
  ASSERT_TRUE(driver().Synchronize(0).ok());
  std::vector<std::uint32_t> written(kCount + 1);
  Read(written.data(), log, 4 * written.size());
  EXPECT_EQ(written[0], kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(written[1 + i], i);

  std::vector<Ticket> completed;
  std::uint64_t previous_ns = 0;
  for (const Completion& completion : sink_.completions()) {
    EXPECT_EQ(completion.status, StatusCode::kOk);
    EXPECT_LE(completion.started_ns, completion.ended_ns);
    EXPECT_LE(previous_ns, completion.ended_ns);
    previous_ns = completion.ended_ns;
    if (completion.ticket >= tickets.front() && completion.ticket <= tickets.back()) {
      completed.push_back(completion.ticket);
    }
  }
  EXPECT_EQ(completed, tickets);
}

TEST_P(DriverContract, StreamsRunConcurrently) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  WriteWord(done, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  const Ticket waiting = Launch(1, "spin_until", {1}, {1}, flag, done);
  // Other streams work while it runs, and one of them ends it.
  const DeviceAddress log = Allocate(4 * 101);
  WriteWord(log, 0);
  Ticket last = 0;
  for (std::uint32_t i = 0; i < 100; ++i) last = Launch(0, "append", {1}, {1}, log, i);
  sink_.WaitFor(last);
  EXPECT_FALSE(sink_.Completed(waiting));
  WriteWord(flag, 1);
  EXPECT_EQ(sink_.WaitFor(waiting).status, StatusCode::kOk);
  EXPECT_EQ(ReadWord(done), 1u);
}

TEST_P(DriverContract, EventsOrderStreams) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  const DeviceAddress copy = Allocate(4);
  WriteWord(flag, 0);
  WriteWord(done, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  ASSERT_TRUE(driver().CreateStream(2).ok());
  const Ticket first = Launch(1, "spin_until", {1}, {1}, flag, done);
  ASSERT_TRUE(driver().Record(1, 5).ok());
  ASSERT_TRUE(driver().Wait(2, 5).ok());
  const Ticket second = NextTicket();
  ASSERT_TRUE(driver().Copy(2, second, copy, done, 4).ok());
  const Ticket marker = NextTicket();
  ASSERT_TRUE(driver().Marker(2, marker).ok());
  EXPECT_EQ(*driver().Query(5), false);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(sink_.Completed(first));
  EXPECT_FALSE(sink_.Completed(second));
  EXPECT_FALSE(sink_.Completed(marker));
  WriteWord(flag, 1);
  sink_.WaitFor(marker);
  EXPECT_EQ(*driver().Query(5), true);
  EXPECT_EQ(ReadWord(copy), 1u);
  // An event that has happened holds nothing up; a destroyed one is unknown.
  EXPECT_TRUE(driver().Wait(2, 5).ok());
  EXPECT_TRUE(driver().DestroyEvent(5).ok());
  EXPECT_EQ(CodeOf(driver().Wait(2, 5)), StatusCode::kNotFound);
}

TEST_P(DriverContract, RecordingAgainReplacesAnEvent) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  Launch(1, "spin_until", {1}, {1}, flag, done);
  ASSERT_TRUE(driver().Record(1, 5).ok());
  EXPECT_EQ(*driver().Query(5), false);
  ASSERT_TRUE(driver().Record(0, 5).ok());
  ASSERT_TRUE(driver().Synchronize(0).ok());
  EXPECT_EQ(*driver().Query(5), true);
  WriteWord(flag, 1);
}

TEST_P(DriverContract, DestroyingAStreamWaitsForItsWork) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  WriteWord(done, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  const Ticket ticket = Launch(1, "spin_until", {1}, {1}, flag, done);
  std::atomic<bool> destroyed = false;
  std::thread destroyer([&] {
    EXPECT_TRUE(driver().DestroyStream(1).ok());
    destroyed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(destroyed);
  WriteWord(flag, 1);
  destroyer.join();
  EXPECT_TRUE(sink_.Completed(ticket));
}

TEST_P(DriverContract, ManyThreadsOnManyStreams) {
  constexpr int kThreads = 6;
  constexpr std::uint32_t kRounds = 200;
  std::vector<DeviceAddress> logs;
  for (int t = 0; t < kThreads; ++t) {
    logs.push_back(Allocate(4 * (kRounds + 1)));
    WriteWord(logs.back(), 0);
    ASSERT_TRUE(driver().CreateStream(10 + t).ok());
  }
  const FunctionHandle append = function("append");
  std::atomic<Ticket> tickets = 1000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const StreamId stream = 10 + t;
      const EventId event = 100 + t;
      for (std::uint32_t i = 0; i < kRounds; ++i) {
        const std::string args = Pack(logs[t], i);
        EXPECT_TRUE(driver()
                        .Launch(stream, ++tickets,
                                {.function = append,
                                 .grid = {1},
                                 .block = {1},
                                 .dynamic_shared_bytes = 0,
                                 .args = Bytes(args)})
                        .ok());
        if (i % 16 == 0) {
          EXPECT_TRUE(driver().Record(stream, event).ok());
          EXPECT_TRUE(driver().Wait(stream, event).ok());
        }
        // Wait for what a neighbour has recorded, if it has.
        if (i % 32 == 7) {
          (void)driver().Wait(stream, 100 + (t + 1) % kThreads);
        }
        if (i % 64 == 0) {
          EXPECT_TRUE(driver().Synchronize(stream).ok());
        }
      }
      EXPECT_TRUE(driver().DestroyStream(stream).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const DeviceAddress log : logs) {
    std::vector<std::uint32_t> written(kRounds + 1);
    Read(written.data(), log, 4 * written.size());
    EXPECT_EQ(written[0], kRounds);
    for (std::uint32_t i = 0; i < kRounds; ++i) ASSERT_EQ(written[1 + i], i);
  }
}

}  // namespace
}  // namespace amdgpu::gpu
