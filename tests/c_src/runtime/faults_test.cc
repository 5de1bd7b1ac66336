// Everything that ends a worker: each in-flight command is answered exactly once, the culprit is
// named, buffers stay, and the restarted device works.

#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::testing {
namespace {

using Ints = std::vector<std::int32_t>;

constexpr std::uint64_t kMillisecond = 1'000'000;
const LaunchOptions kQueued = {.grid = {2, 1, 1}, .block = {}};

class FaultsTest : public DeviceTest {
 protected:
  // After a worker's end: restarts, and finds buffers, kernels and streams as they were.
  void ExpectRecovery(const BufferRef& data, std::int32_t value) {
    AwaitExits();
    EXPECT_EQ(Read(data), Ints(data->elements(), value));
    ASSERT_TRUE(device_->Restart().ok());
    EXPECT_TRUE(device_->ready());
    EXPECT_EQ(device_->Stats().restarts, 1u);
    const absl::Status status = Run("add_one", {data, static_cast<std::int64_t>(data->elements())});
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Read(data), Ints(data->elements(), value + 1));
  }
};

struct FaultCase {
  int how;
  const char* signal;
  const char* message;
};

class EveryFault : public FaultsTest, public ::testing::WithParamInterface<FaultCase> {};

TEST_P(EveryFault, IsToldAndSurvived) {
  const BufferRef data = NewInts(1000);
  Fill(data, 1);
  const KernelRef kernel = Kernel("fail");
  for (const LaunchOptions& where : {LaunchOptions{}, kQueued}) {
    const std::vector<Argument> arguments = {std::int64_t{GetParam().how}};
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, where, arguments);
    ASSERT_TRUE(job.ok());
    const absl::Status status = Await(*job);
    ASSERT_FALSE(status.ok());
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
    ASSERT_TRUE(detail.has_value() && detail->has_fault()) << status;
    EXPECT_EQ(detail->fault().kernel(), "fail");
    EXPECT_EQ(detail->fault().signal_name(), GetParam().signal) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), GetParam().message)) << status;
    AwaitExits();
    EXPECT_EQ(Read(data), Ints(1000, 1));
    ASSERT_TRUE(device_->Restart().ok());
    EXPECT_TRUE(Run("empty", {}).ok());
  }
}

#ifndef AMDGPU_SANITIZED
INSTANTIATE_TEST_SUITE_P(
    All, EveryFault,
    ::testing::Values(FaultCase{0, "SIGSEGV", "address 0x0"},
                      FaultCase{1, "SIGABRT", "assertion failed: x == y"},
                      FaultCase{2, "SIGABRT", "fail"}, FaultCase{3, "SIGILL", "fail"},
                      FaultCase{4, "SIGFPE", "fail"}, FaultCase{5, "SIGSEGV", "stack overflow"},
                      FaultCase{6, "SIGSYS", "sandbox"}, FaultCase{7, "SIGSYS", "sandbox"},
                      FaultCase{8, "SIGSYS", "sandbox"}, FaultCase{9, "SIGSYS", "sandbox"},
                      FaultCase{10, "SIGSYS", "sandbox"}));
#else
// A sanitizer's runtime needs some of what the sandbox forbids.
INSTANTIATE_TEST_SUITE_P(Some, EveryFault,
                         ::testing::Values(FaultCase{1, "SIGABRT", "assertion failed: x == y"},
                                           FaultCase{7, "SIGSYS", "sandbox"},
                                           FaultCase{8, "SIGSYS", "sandbox"}));
#endif

TEST_F(FaultsTest, AWriteFarPastABufferNamesTheBuffer) {
  const BufferRef data = NewInts(1 << 20);  // fills its slab of 4 MiB
  Fill(data, 1);
  const absl::Status status = Run("write_at", {data, std::int64_t{(4 << 20) + 16}});
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
  ASSERT_TRUE(detail.has_value() && detail->has_fault()) << status;
  EXPECT_EQ(detail->fault().buffer_bytes(), std::uint64_t{4} << 20);
  EXPECT_EQ(detail->fault().buffer_offset(), (4 << 20) + 16);
  EXPECT_TRUE(absl::StrContains(status.message(), "16 bytes past the end")) << status;
  ExpectRecovery(data, 1);
}

TEST_F(FaultsTest, ALaunchThatRunsTooLongIsEnded) {
  const BufferRef data = NewInts(10);
  Fill(data, 1);
  for (const std::uint32_t grid : {1u, 2u}) {  // inside the driver's call, and not
    LaunchOptions options;
    options.grid.x = grid;
    options.timeout_ns = 50 * kMillisecond;
    // Within its time, also while it waits for its turn.
    const absl::StatusOr<JobRef> before = Launch("spin", {80 * kMillisecond}, kQueued);
    EXPECT_TRUE(Run("empty", {}, options).ok());
    const absl::Time start = absl::Now();
    const absl::Status status = Run("spin", {20'000 * kMillisecond}, options);
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
    ASSERT_TRUE(detail.has_value() && detail->has_timeout());
    EXPECT_EQ(detail->timeout().what(), "kernel spin");
    EXPECT_EQ(detail->timeout().after_ns(), options.timeout_ns);
    EXPECT_LT(absl::Now() - start, absl::Seconds(10));
    AwaitExits(grid);
    ASSERT_TRUE(device_->Restart().ok());
  }
  ASSERT_TRUE(Run("add_one", {data, std::int64_t{10}}).ok());
  EXPECT_EQ(Read(data), Ints(10, 2));
}

TEST_F(FaultsTest, KillingTheWorkerAnswersAHundredQueuedLaunches) {
  const BufferRef data = NewInts(10);
  Fill(data, 1);
  std::vector<JobRef> jobs;
  jobs.push_back(*Launch("spin", {20'000 * kMillisecond}, kQueued));
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(*Launch("add_one", {data, std::int64_t{10}}, kQueued));
  }
  kill(device_->Stats().worker_pid, SIGKILL);
  for (const JobRef& job : jobs) {
    const absl::Status status = Await(job);
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
    ASSERT_TRUE(detail.has_value() && detail->has_device_lost()) << status;
    EXPECT_TRUE(absl::StrContains(detail->device_lost().reason(), "SIGKILL")) << status;
  }
  AwaitExits();
  EXPECT_EQ(device_->Launch(Kernel("empty"), {}, {}).status().code(),
            absl::StatusCode::kUnavailable);
  const JobRef ready = device_->WhenReady();
  EXPECT_FALSE(ready->done());
  ExpectRecovery(data, 1);
  EXPECT_TRUE(ready->done());
}

TEST_F(FaultsTest, TheInnocentAreToldWhoEndedTheWorker) {
  std::vector<JobRef> jobs;
  const absl::StatusOr<gpu::StreamId> other = device_->CreateStream();
  LaunchOptions elsewhere = kQueued;
  elsewhere.stream = *other;
  const absl::StatusOr<JobRef> innocent = Launch("spin", {20'000 * kMillisecond}, elsewhere);
  const absl::StatusOr<JobRef> slow = Launch("spin", {20 * kMillisecond}, kQueued);
  const absl::StatusOr<JobRef> culprit = Launch("fail", {std::int64_t{2}}, kQueued);
  const absl::StatusOr<JobRef> behind = Launch("empty", {}, kQueued);
  EXPECT_TRUE(GetErrorDetail(Await(*culprit))->has_fault());
  EXPECT_TRUE(Await(*slow).ok());
  for (const JobRef& job : {*innocent, *behind}) {
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(Await(job));
    ASSERT_TRUE(detail.has_value() && detail->has_device_lost());
    EXPECT_TRUE(absl::StrContains(detail->device_lost().reason(), "\"fail\""));
  }
}

TEST_F(FaultsTest, KilledDuringACopy) {
  const BufferRef from = NewInts(8 << 20);
  const BufferRef to = NewInts(8 << 20);
  Fill(from, 6);
  std::vector<JobRef> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(*device_->Copy(to, 0, from, 0, from->bytes(), 0));
  ASSERT_TRUE(Await(jobs[0]).ok());
  kill(device_->Stats().worker_pid, SIGKILL);
  int lost = 0;
  for (const JobRef& job : jobs) lost += !Await(job).ok();
  EXPECT_GT(lost, 0);
  ExpectRecovery(from, 6);
}

TEST_F(FaultsTest, FencesEndWithTheWorker) {
  const BufferRef data = NewInts(10);
  Fill(data, 1);
  const absl::StatusOr<JobRef> slow = Launch("spin", {20'000 * kMillisecond}, kQueued);
  const absl::StatusOr<JobRef> job = Launch("add_one", {data, std::int64_t{10}}, kQueued);
  const JobRef fence = *device_->ReadFence(data);
  ASSERT_NE(fence, nullptr);
  kill(device_->Stats().worker_pid, SIGKILL);
  EXPECT_FALSE(Await(fence).ok());
  ExpectRecovery(data, 1);
}

TEST_F(FaultsTest, ThousandsOfLaunchesUnderRandomKillsAreEachAnsweredOnce) {
#ifdef AMDGPU_SANITIZED
  constexpr int kRounds = 30;
#else
  constexpr int kRounds = 200;
#endif
  const KernelRef kernel = Kernel("add_one");
  const BufferRef data = NewInts(1);
  const std::vector<Argument> arguments = {data, std::int64_t{1}};
  std::atomic<std::uint64_t> subscribed{0}, called{0}, ok{0}, lost{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      std::vector<JobRef> jobs;
      while (!stop) {
        LaunchOptions options;
        options.grid.x = 1 + i;
        absl::StatusOr<JobRef> job = device_->Launch(kernel, options, arguments);
        if (job.ok()) {
          if ((*job)->Subscribe([&called] { ++called; }) != 0) ++subscribed;
          jobs.push_back(*std::move(job));
        } else {
          ASSERT_EQ(job.status().code(), absl::StatusCode::kUnavailable) << job.status();
          Await(device_->WhenReady()).IgnoreError();
        }
        if (jobs.size() > 200) {
          for (const JobRef& each : jobs) ++(Await(each).ok() ? ok : lost);
          jobs.clear();
        }
      }
      for (const JobRef& each : jobs) ++(Await(each).ok() ? ok : lost);
    });
  }
  std::mt19937 random(42);
  for (int round = 1; round <= kRounds; ++round) {
    absl::SleepFor(absl::Microseconds(random() % 5000));
    kill(device_->Stats().worker_pid, SIGKILL);
    AwaitExits(round);
    ASSERT_TRUE(device_->Restart().ok());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 1000 && called != subscribed; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(called, subscribed);
  EXPECT_GT(ok, 0u);
  EXPECT_EQ(device_->Stats().in_flight, 0u);
  EXPECT_EQ(device_->Stats().launches, ok + lost);
}

TEST_F(FaultsTest, SpecialisedCodeSurvivesARestart) {
  const KernelRef kernel = Kernel("empty");
  LaunchOptions options;
  options.block = {128, 1, 1};
  for (int i = 0; i < 1000 && kernel->specialised_shapes().empty(); ++i) {
    ASSERT_TRUE(Await(*device_->Launch(kernel, options, {})).ok());
    absl::SleepFor(absl::Milliseconds(1));
  }
  kill(device_->Stats().worker_pid, SIGKILL);
  AwaitExits();
  ASSERT_TRUE(device_->Restart().ok());
  const absl::StatusOr<JobRef> job = device_->Launch(kernel, options, {});
  ASSERT_TRUE(Await(*job).ok());
  EXPECT_TRUE((*job)->info().specialised);
}

TEST_F(FaultsTest, OtherDevicesAreNotTouched) {
  const DeviceRef first = device_;
  const std::shared_ptr<Events> first_events = events_;
  device_ = nullptr;
  Open({});
  kill(first->Stats().worker_pid, SIGKILL);
  EXPECT_TRUE(Run("empty", {}).ok());
  EXPECT_TRUE(device_->ready());
  first->Close();
}

TEST_F(FaultsTest, AnIgnoredSigchldIsNoTrouble) {
  const auto before = signal(SIGCHLD, SIG_IGN);
  kill(device_->Stats().worker_pid, SIGKILL);
  AwaitExits();
  ASSERT_TRUE(device_->Restart().ok());
  EXPECT_TRUE(Run("empty", {}).ok());
  signal(SIGCHLD, before);
}

}  // namespace
}  // namespace amdgpu::testing
