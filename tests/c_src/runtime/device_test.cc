// What a client does with a device, through the public interface, with a real worker process over
// the fake driver.

#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/c_src/runtime/device_fixture.h"
#include "tests/c_src/runtime/fake_driver.h"

namespace amdgpu::testing {
namespace {

using Ints = std::vector<std::int32_t>;

absl::Span<const std::byte> Bytes(const Ints& values) {
  return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(values[0])};
}

constexpr std::uint64_t kMillisecond = 1'000'000;
// More than one block: the fake driver runs it on a thread of its own.
const LaunchOptions kQueued = {.grid = {2, 1, 1}, .block = {}};

TEST_F(DeviceTest, RunsAKernelAndReadsBack) {
  const BufferRef data = NewInts(1000);
  Fill(data, 41);
  ASSERT_TRUE(Run("add_one", {data, std::int64_t{1000}}).ok());
  EXPECT_EQ(Read(data), Ints(1000, 42));
  const DeviceStats stats = device_->Stats();
  EXPECT_EQ(stats.launches, 1u);
  EXPECT_EQ(stats.in_flight, 0u);
  EXPECT_GT(stats.worker_pid, 0);
}

TEST_F(DeviceTest, LaunchesHaveTimesInOrder) {
  const absl::StatusOr<JobRef> job = Launch("spin", {2 * kMillisecond});
  ASSERT_TRUE(job.ok());
  ASSERT_TRUE(Await(*job).ok());
  const LaunchInfo info = (*job)->info();
  EXPECT_LE(info.queued_ns, info.started_ns);
  EXPECT_GE(info.ended_ns - info.started_ns, 2 * kMillisecond);
}

TEST_F(DeviceTest, AStreamKeepsItsOrder) {
  const BufferRef data = NewInts(64);
  Fill(data, 0);
  std::vector<JobRef> jobs;
  for (int i = 0; i < 500; ++i) {
    // Alternately inside of the driver's call and on its threads.
    LaunchOptions options;
    options.grid.x = 1 + i % 2;
    const absl::StatusOr<JobRef> job = Launch("add_one", {data, std::int64_t{64}}, options);
    ASSERT_TRUE(job.ok()) << job.status();
    jobs.push_back(*job);
  }
  std::uint64_t last_end = 0;
  for (const JobRef& job : jobs) {
    ASSERT_TRUE(Await(job).ok());
    EXPECT_GE(job->info().started_ns, last_end);
    last_end = job->info().ended_ns;
  }
  EXPECT_EQ(Read(data), Ints(64, 500));
}

TEST_F(DeviceTest, StreamsRunConcurrently) {
  const absl::StatusOr<gpu::StreamId> other = device_->CreateStream();
  ASSERT_TRUE(other.ok());
  LaunchOptions slow = kQueued;
  slow.stream = *other;
  const absl::StatusOr<JobRef> long_job = Launch("spin", {500 * kMillisecond}, slow);
  ASSERT_TRUE(long_job.ok());
  ASSERT_TRUE(Run("empty", {}, kQueued).ok());
  EXPECT_FALSE((*long_job)->done());
  ASSERT_TRUE(Await(*long_job).ok());
}

TEST_F(DeviceTest, ALongKernelInsideADriverCallHoldsUpOnlyItsStream) {
  const absl::StatusOr<gpu::StreamId> other = device_->CreateStream();
  ASSERT_TRUE(other.ok());
  const BufferRef data = NewInts(16);
  Fill(data, 0);
  LaunchOptions inside;
  inside.stream = *other;
  const absl::StatusOr<JobRef> stuck = Launch("spin", {400 * kMillisecond}, inside);
  ASSERT_TRUE(stuck.ok());
  // Behind it in its stream: these wait, in order.
  std::vector<JobRef> behind;
  for (int i = 0; i < 10; ++i) {
    const absl::StatusOr<JobRef> job = Launch("add_one", {data, std::int64_t{16}}, inside);
    ASSERT_TRUE(job.ok());
    behind.push_back(*job);
  }
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Run("empty", {}).ok());
  EXPECT_FALSE((*stuck)->done());
  EXPECT_FALSE(behind[0]->done());
  for (const JobRef& job : behind) ASSERT_TRUE(Await(job).ok());
  EXPECT_TRUE((*stuck)->done());
  EXPECT_GE(behind[0]->info().started_ns, (*stuck)->info().ended_ns);
  EXPECT_EQ(Read(data), Ints(16, 10));
}

TEST_F(DeviceTest, AStreamWaitsForAnother) {
  const absl::StatusOr<gpu::StreamId> first = device_->CreateStream();
  const absl::StatusOr<gpu::StreamId> second = device_->CreateStream();
  ASSERT_TRUE(first.ok() && second.ok());
  LaunchOptions options = kQueued;
  options.stream = *first;
  const absl::StatusOr<JobRef> before = Launch("spin", {50 * kMillisecond}, options);
  ASSERT_TRUE(device_->StreamWait(*second, *first).ok());
  options.stream = *second;
  const absl::StatusOr<JobRef> after = Launch("empty", {}, options);
  ASSERT_TRUE(before.ok() && after.ok());
  ASSERT_TRUE(Await(*after).ok());
  ASSERT_TRUE((*before)->Poll(0));
  EXPECT_GE((*after)->info().started_ns, (*before)->info().ended_ns);
}

TEST_F(DeviceTest, DestroyedStreamsFinishTheirWorkAndAreReused) {
  for (int round = 0; round < 3; ++round) {
    std::vector<gpu::StreamId> streams;
    while (true) {
      const absl::StatusOr<gpu::StreamId> stream = device_->CreateStream();
      if (!stream.ok()) break;
      streams.push_back(*stream);
    }
    EXPECT_GT(streams.size(), 500u);
    LaunchOptions options;
    options.stream = streams.back();
    const absl::StatusOr<JobRef> job = Launch("empty", {}, options);
    ASSERT_TRUE(job.ok()) << job.status();
    for (const gpu::StreamId stream : streams) ASSERT_TRUE(device_->DestroyStream(stream).ok());
    ASSERT_TRUE(Await(*job).ok());
    EXPECT_FALSE(Launch("empty", {}, options).ok());
    // The service thread works its queue in order.
    ASSERT_TRUE(Await(device_->Trim()).ok());
  }
  EXPECT_FALSE(device_->DestroyStream(0).ok());
  EXPECT_FALSE(device_->DestroyStream(5000).ok());
}

TEST_F(DeviceTest, SynchronizeEndsBehindTheStreamsWork) {
  const absl::StatusOr<JobRef> work = Launch("spin", {20 * kMillisecond}, kQueued);
  const absl::StatusOr<JobRef> all = device_->Synchronize(0);
  ASSERT_TRUE(work.ok() && all.ok());
  ASSERT_TRUE(Await(*all).ok());
  EXPECT_TRUE((*work)->done());
}

TEST_F(DeviceTest, FencesWaitForWritersAndWritersForReaders) {
  const BufferRef from = NewInts(100);
  const BufferRef to = NewInts(100);
  Fill(from, 7);
  ASSERT_EQ(*device_->ReadFence(from), nullptr);
  const absl::StatusOr<JobRef> slow = Launch("spin", {50 * kMillisecond}, kQueued);
  const absl::StatusOr<JobRef> job = Launch("copy_ints", {from, to, std::int64_t{100}}, kQueued);
  ASSERT_TRUE(job.ok());
  // Read by the kernel: the CPU may read, not write. Written by it: neither.
  EXPECT_EQ(*device_->ReadFence(from), nullptr);
  EXPECT_NE(*device_->WriteFence(from), nullptr);
  const JobRef fence = *device_->ReadFence(to);
  ASSERT_NE(fence, nullptr);
  EXPECT_EQ(device_->View(to, 0, 400).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(device_->Write(from, 0, Bytes({1})).code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(Await(fence).ok());
  EXPECT_TRUE((*job)->done());
  EXPECT_EQ(Read(to), Ints(100, 7));
}

TEST_F(DeviceTest, AViewStaysAsItIs) {
  const BufferRef data = NewInts(1000);
  Fill(data, 1);
  absl::StatusOr<BufferView> view = device_->View(data, 0, data->bytes());
  ASSERT_TRUE(view.ok());
  const auto seen = [&view] {
    Ints values(1000);
    std::memcpy(values.data(), view->bytes.data(), view->bytes.size());
    return values;
  };
  // By a kernel, which continues on what was there; by the CPU; by a fill; by a copy.
  ASSERT_TRUE(Run("add_one", {data, std::int64_t{1000}}).ok());
  EXPECT_EQ(Read(data), Ints(1000, 2));
  EXPECT_EQ(seen(), Ints(1000, 1));

  absl::StatusOr<BufferView> second = device_->View(data, 0, data->bytes());
  ASSERT_TRUE(second.ok());
  EXPECT_NE(second->bytes.data(), view->bytes.data());
  ASSERT_TRUE(device_->Write(data, 8, Bytes({5, 6})).ok());
  EXPECT_EQ(Read(data)[1], 2);
  EXPECT_EQ(Read(data)[2], 5);
  EXPECT_EQ(reinterpret_cast<const std::int32_t*>(second->bytes.data())[2], 2);

  absl::StatusOr<BufferView> third = device_->View(data, 0, data->bytes());
  Fill(data, 9);
  EXPECT_EQ(Read(data), Ints(1000, 9));
  EXPECT_EQ(reinterpret_cast<const std::int32_t*>(third->bytes.data())[2], 5);

  // A view outlives its buffer.
  ASSERT_TRUE(device_->Free(data).ok());
  for (int i = 0; i < 50; ++i) Fill(NewInts(1000), 77);
  EXPECT_EQ(seen(), Ints(1000, 1));
}

TEST_F(DeviceTest, ReadingAKernelsInputDoesNotCopyIt) {
  const BufferRef from = NewInts(100);
  const BufferRef to = NewInts(100);
  Fill(from, 3);
  const absl::StatusOr<BufferView> view = device_->View(from, 0, 400);
  ASSERT_TRUE(Run("copy_ints", {from, to, std::int64_t{100}}).ok());
  const absl::StatusOr<BufferView> again = device_->View(from, 0, 400);
  EXPECT_EQ(again->bytes.data(), view->bytes.data());
  EXPECT_EQ(Read(to), Ints(100, 3));
}

TEST_F(DeviceTest, OneBufferAsInputAndOutputStaysOneWhenItIsViewed) {
  const BufferRef data = NewInts(10);
  Fill(data, 4);
  const absl::StatusOr<BufferView> view = device_->View(data, 0, 40);
  ASSERT_TRUE(Run("copy_ints", {data, data, std::int64_t{10}}).ok());
  EXPECT_EQ(Read(data), Ints(10, 4));
}

TEST_F(DeviceTest, QueuedWritesAreInStreamOrder) {
  const BufferRef data = NewInts(1000);
  Ints values(1000);
  std::vector<JobRef> jobs;
  // More than the staging arena holds: the caller has to wait now and then.
  for (int i = 0; i < 6000; ++i) {
    std::fill(values.begin(), values.end(), i);
    absl::StatusOr<JobRef> job = absl::UnavailableError("");
    while (absl::IsUnavailable(job.status())) {
      job = device_->WriteQueued(data, 0, Bytes(values), 0);
      if (absl::IsUnavailable(job.status())) {
        ASSERT_TRUE(Await(device_->WhenReady()).ok());
      }
    }
    ASSERT_TRUE(job.ok()) << job.status();
    jobs.push_back(*job);
  }
  ASSERT_TRUE(Run("add_one", {data, std::int64_t{1000}}).ok());
  EXPECT_EQ(Read(data), Ints(1000, 6000));
  for (const JobRef& job : jobs) EXPECT_TRUE(job->Poll(0));
}

TEST_F(DeviceTest, CopiesBetweenBuffersAndWithinOne) {
  const BufferRef a = NewInts(8);
  const BufferRef b = NewInts(8);
  Ints values(8);
  std::iota(values.begin(), values.end(), 0);
  ASSERT_TRUE(device_->Write(a, 0, Bytes(values)).ok());
  Fill(b, -1);
  ASSERT_TRUE(Await(*device_->Copy(b, 8, a, 0, 16, 0)).ok());
  EXPECT_EQ(Read(b), (Ints{-1, -1, 0, 1, 2, 3, -1, -1}));
  ASSERT_TRUE(Await(*device_->Copy(a, 4, a, 0, 28, 0)).ok());
  EXPECT_EQ(Read(a), (Ints{0, 0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(device_->Copy(a, 8, b, 0, 32, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(device_->Copy(a, ~0ull, b, 0, 8, 0).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(device_->View(a, 30, 4).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(device_->Write(a, 32, Bytes({1})).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(DeviceTest, EmptyBuffersWork) {
  const BufferRef empty = NewInts(0);
  EXPECT_EQ(Read(empty), Ints());
  EXPECT_TRUE(device_->Write(empty, 0, {}).ok());
  EXPECT_TRUE(Run("add_one", {empty, std::int64_t{0}}).ok());
}

TEST_F(DeviceTest, GrowsAndGivesBack) {
  // Larger than a slab.
  const BufferRef large = NewInts(5 << 20);
  EXPECT_GE(device_->Memory().reserved, 20u << 20);
  EXPECT_GE(device_->Memory().used, 20u << 20);
  Fill(large, 1);
  ASSERT_TRUE(device_->Free(large).ok());
  EXPECT_FALSE(large->live());
  EXPECT_EQ(device_->Memory().used, 0u);
  ASSERT_TRUE(Await(device_->Trim()).ok());
  EXPECT_EQ(device_->Memory().reserved, 0u);
  const BufferRef again = NewInts(100);
  Fill(again, 2);
  EXPECT_EQ(Read(again), Ints(100, 2));
}

TEST_F(DeviceTest, LimitsAreKeptAndToldTruly) {
  ASSERT_TRUE(device_->SetLimits(1 << 20, 64 << 10).ok());
  EXPECT_EQ(device_->Memory().limit, 1u << 20);
  const BufferRef held = NewInts(10'000, /*owner=*/5);
  const absl::Status over_owner =
      Await(device_->AllocateSlow(proto::DTYPE_I32, 10'000, /*owner=*/5, 0));
  EXPECT_EQ(over_owner.code(), absl::StatusCode::kResourceExhausted) << over_owner;
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail(over_owner);
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->out_of_memory().limited_by(), "owner");
  EXPECT_EQ(detail->out_of_memory().asked(), 40'000u);
  const absl::Status over_device =
      device_->Allocate(proto::DTYPE_I32, 1 << 20, /*owner=*/6, 0).status();
  EXPECT_EQ(over_device.code(), absl::StatusCode::kResourceExhausted) << over_device;
  // Absurd sizes are no less an answer.
  EXPECT_FALSE(device_->Allocate(proto::DTYPE_F64, ~0ull, 0, 0).ok());
  EXPECT_FALSE(device_->Allocate(proto::DTYPE_NONE, 1, 0, 0).ok());
}

TEST_F(DeviceTest, TheMachineRunningOutIsAnError) {
  ASSERT_TRUE(device_->SetLimits(std::uint64_t{1} << 40, 0).ok());
  const absl::Status status =
      Await(device_->AllocateSlow(proto::DTYPE_I32, std::uint64_t{1} << 37, 0, 0));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  ASSERT_TRUE(Run("empty", {}).ok());
}

TEST_F(DeviceTest, AnOwnersDeathFreesItsBuffersBehindTheWorkThatUsesThem) {
  std::vector<BufferRef> buffers;
  for (int i = 0; i < 100; ++i) buffers.push_back(NewInts(1000, /*owner=*/9));
  const BufferRef given = NewInts(1000, /*owner=*/9);
  const BufferRef out = NewInts(1000);
  ASSERT_TRUE(device_->GiveAway(given, /*new_owner=*/10).ok());
  Fill(buffers[0], 5);
  const absl::StatusOr<JobRef> slow = Launch("spin", {50 * kMillisecond}, kQueued);
  const absl::StatusOr<JobRef> job =
      Launch("copy_ints", {buffers[0], out, std::int64_t{1000}}, kQueued);
  ASSERT_TRUE(job.ok());
  device_->FreeOwner(9);
  ASSERT_TRUE(Await(device_->Trim()).ok());  // behind it in the service thread
  EXPECT_FALSE(buffers[0]->live());
  EXPECT_TRUE(given->live());
  EXPECT_EQ(given->owner(), 10u);
  // Memory that is reused meanwhile is written behind the kernel that reads it.
  for (int i = 0; i < 100; ++i) Fill(NewInts(1000), -1);
  ASSERT_TRUE(Await(*job).ok());
  EXPECT_EQ(Read(out), Ints(1000, 5));
  EXPECT_FALSE(Launch("add_one", {buffers[0], std::int64_t{1}}).ok());
  EXPECT_EQ(device_->Free(buffers[1]).code(), absl::StatusCode::kFailedPrecondition);
  const std::vector<OwnerUse> owners = device_->Memory().owners;
  EXPECT_TRUE(std::none_of(owners.begin(), owners.end(),
                           [](const OwnerUse& use) { return use.owner == 9; }));
}

TEST_F(DeviceTest, DroppedBuffersAreFreed) {
  for (int i = 0; i < 10'000; ++i) NewInts(25'000);  // 1 GB in all, with a limit of that
  ASSERT_TRUE(Await(device_->Trim()).ok());
  EXPECT_EQ(device_->Memory().used, 0u);
}

TEST_F(DeviceTest, PrintsBeforeTheLaunchEnds) {
  for (int i = 0; i < 200; ++i) {
    const absl::Status status = Run("print", {std::int64_t{i}});
    ASSERT_TRUE(status.ok()) << status;
    const std::lock_guard lock(events_->mutex);
    EXPECT_TRUE(absl::EndsWith(events_->printed, "hello from " + std::to_string(i) + "\n"));
  }
}

TEST_F(DeviceTest, ManyThreadsLaunchAndEveryJobEndsOnce) {
  constexpr int kThreads = 4;
  constexpr int kLaunches = 20'000;
  const KernelRef kernel = Kernel("add_one");
  std::vector<BufferRef> data;
  for (int i = 0; i < kThreads; ++i) {
    data.push_back(NewInts(1));
    Fill(data.back(), 0);
  }
  std::atomic<int> called{0};
  std::atomic<int> subscribed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::vector<Argument> arguments = {data[i], std::int64_t{1}};
      std::vector<JobRef> jobs;
      while (jobs.size() < kLaunches) {
        absl::StatusOr<JobRef> job = device_->Launch(kernel, {}, arguments);
        if (absl::IsUnavailable(job.status())) {
          Await(device_->WhenReady()).IgnoreError();
          continue;
        }
        ASSERT_TRUE(job.ok()) << job.status();
        if (jobs.size() % 7 == 0 && (*job)->Subscribe([&called] { ++called; }) != 0) ++subscribed;
        jobs.push_back(*std::move(job));
      }
      for (const JobRef& job : jobs) ASSERT_TRUE(Await(job).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const BufferRef& buffer : data) EXPECT_EQ(Read(buffer), Ints(1, kLaunches));
  for (int i = 0; i < 1000 && called != subscribed; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(called, subscribed);
  EXPECT_EQ(device_->Stats().in_flight, 0u);
}

TEST_F(DeviceTest, ACallbackIsCalledOnceOrUnsubscribed) {
  std::atomic<int> called{0};
  int expected = 0;
  for (int i = 0; i < 500; ++i) {
    const absl::StatusOr<JobRef> job = Launch("spin", {std::uint64_t(i % 5) * 10'000}, kQueued);
    ASSERT_TRUE(job.ok());
    const std::uint64_t subscription = (*job)->Subscribe([&called] { ++called; });
    if (subscription != 0 && !(*job)->Unsubscribe(subscription)) ++expected;
    ASSERT_TRUE(Await(*job).ok());
    EXPECT_EQ((*job)->Subscribe([&called] { ++called; }), 0u);
  }
  for (int i = 0; i < 1000 && called != expected; ++i) absl::SleepFor(absl::Milliseconds(5));
  EXPECT_EQ(called, expected);
}

TEST_F(DeviceTest, ModulesAreLoadedOnceAndErrorsOfCompilesArrive) {
  const KernelRef first = Kernel("empty");
  const KernelRef second = Kernel("add_one");
  EXPECT_EQ(first->code(), second->code());
  EXPECT_EQ(second->info().params_size(), 2);
  proto::CompileRequest request;
  request.set_source("source");
  const absl::Status missing = Await(device_->Compile(request, "missing", "aura", /*owner=*/0));
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(missing.message(), "add_one")) << missing;
  request.set_source("wrong");
  EXPECT_EQ(Await(device_->Compile(request, "empty", "aura", /*owner=*/0)).code(),
            absl::StatusCode::kInvalidArgument);
  request.set_source("garbage");
  EXPECT_EQ(Await(device_->Compile(request, "empty", "aura", /*owner=*/0)).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(DeviceTest, ModulesThatNobodyRefersToAreUnloaded) {
  const KernelRef kept = Kernel("empty", "kept");
  LaunchOptions options;
  options.block = {32, 1, 1};  // each gets a variant, sooner or later
  for (std::size_t i = 0; i < 2 * kMostFakeModules; ++i) {
    const KernelRef kernel = Kernel("empty", absl::StrCat("source ", i));
    ASSERT_NE(kernel, nullptr) << i;
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, options, {});
    ASSERT_TRUE(job.ok()) << job.status();
    ASSERT_TRUE(Await(*job).ok());
  }
  // One that is still referred to, and one that is loaded again.
  for (const KernelRef& kernel : {kept, Kernel("empty", "source 0")}) {
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, options, {});
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_TRUE(Await(*job).ok());
  }
  EXPECT_EQ(compiler_->Compiles("source 0/0,0,0"), 2);
}

TEST_F(DeviceTest, WhenNoModuleFitsTheUnusedOnesMakeRoom) {
  std::vector<KernelRef> kernels;
  for (std::size_t i = 0; i < kMostFakeModules; ++i) {
    kernels.push_back(Kernel("empty", absl::StrCat("source ", i)));
  }
  proto::CompileRequest request;
  request.set_source("one too many");
  EXPECT_EQ(Await(device_->Compile(request, "empty", "aura", /*owner=*/0)).code(),
            absl::StatusCode::kResourceExhausted);
  kernels.pop_back();
  const KernelRef last = Kernel("empty", "one too many");
  ASSERT_NE(last, nullptr);
  for (const KernelRef& kernel : {kernels.front(), last}) {
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, {}, {});
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_TRUE(Await(*job).ok());
  }
}

TEST_F(DeviceTest, AModuleIsNotUnloadedUnderALaunch) {
  ASSERT_TRUE(Launch("spin", {200 * kMillisecond}, kQueued).ok());
  KernelRef kernel = Kernel("empty", "another source");
  const absl::StatusOr<JobRef> job = device_->Launch(kernel, kQueued, {});
  ASSERT_TRUE(job.ok()) << job.status();
  kernel.reset();
  ASSERT_TRUE(Await(device_->Trim()).ok());
  EXPECT_TRUE(Await(*job).ok());
}

TEST_F(DeviceTest, SpecialisesOnABlockShapeOnceInTheBackground) {
  const KernelRef kernel = Kernel("empty");
  LaunchOptions options;
  options.block = {64, 2, 1};
  bool specialised = false;
  for (int i = 0; i < 1000 && !specialised; ++i) {
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, options, {});
    ASSERT_TRUE(job.ok());
    ASSERT_TRUE(Await(*job).ok());
    specialised = (*job)->info().specialised;
    if (i == 0) {
      EXPECT_FALSE(specialised);
    }
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_TRUE(specialised);
  EXPECT_EQ(compiler_->Compiles("source/64,2,1"), 1);
  EXPECT_EQ(kernel->specialised_shapes(), std::vector<gpu::Dim3>({{64, 2, 1}}));
  EXPECT_GT(device_->Stats().specialised_launches, 0u);
}

TEST_F(DeviceTest, KeepsNoMoreShapesThanItSays) {
  const KernelRef kernel = Kernel("empty");
  for (std::uint32_t x = 1; x <= 40; ++x) {
    LaunchOptions options;
    options.block = {x, 1, 1};
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, options, {});
    ASSERT_TRUE(job.ok());
    ASSERT_TRUE(Await(*job).ok());
  }
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_LE(kernel->specialised_shapes().size(), 16u);
}

TEST_F(DeviceTest, AShapeThatIsNotInUseMakesRoom) {
  const KernelRef kernel = Kernel("empty");
  const auto launch = [&](std::uint32_t x) {
    LaunchOptions options;
    options.block = {x, 1, 1};
    const absl::StatusOr<JobRef> job = device_->Launch(kernel, options, {});
    EXPECT_TRUE(job.ok() && Await(*job).ok()) << job.status();
    return job.ok() && (*job)->info().specialised;
  };
  const auto specialise = [&](std::uint32_t x) {
    for (int i = 0; i < 5000 && !launch(x); ++i) absl::SleepFor(absl::Milliseconds(1));
    return launch(x);
  };
  for (std::uint32_t x = 1; x <= 16; ++x) ASSERT_TRUE(specialise(x)) << x;
  for (std::uint32_t x = 1; x <= 16; ++x) EXPECT_TRUE(launch(x)) << x;
  // All are in use.
  EXPECT_FALSE(launch(17));
  for (int i = 0; i < 1200; ++i) launch(1);
  ASSERT_TRUE(specialise(17));
  EXPECT_TRUE(launch(1));
  EXPECT_EQ(kernel->specialised_shapes().size(), 16u);
  EXPECT_EQ(compiler_->Compiles("source/17,1,1"), 1);
}

TEST_F(DeviceTest, WritesVariables) {
  const KernelRef kernel = Kernel("empty");
  const Ints values = {1, 2, 3};
  EXPECT_TRUE(Await(device_->WriteGlobal(kernel, "table", 4, Bytes(values))).ok());
  EXPECT_EQ(Await(device_->WriteGlobal(kernel, "table", 60, Bytes(values))).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Await(device_->WriteGlobal(kernel, "chair", 0, Bytes(values))).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(DeviceTest, AClosedDeviceAnswersAndItsBuffersStayReadable) {
  const BufferRef data = NewInts(10);
  Fill(data, 3);
  const KernelRef kernel = Kernel("spin");
  const std::vector<Argument> arguments = {10'000 * kMillisecond};
  const absl::StatusOr<JobRef> job = device_->Launch(kernel, kQueued, arguments);
  ASSERT_TRUE(job.ok());
  device_->Close();
  ASSERT_TRUE((*job)->done());
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail((*job)->status());
  ASSERT_TRUE(detail.has_value() && detail->has_device_lost()) << (*job)->status();
  EXPECT_FALSE(device_->ready());
  EXPECT_EQ(Read(data), Ints(10, 3));
  EXPECT_FALSE(device_->Launch(kernel, kQueued, arguments).ok());
  EXPECT_FALSE(device_->Restart().ok());
  EXPECT_FALSE(Await(device_->WhenReady()).ok());
  EXPECT_FALSE(device_->Allocate(proto::DTYPE_I32, 1, 0, 0).ok());
  EXPECT_FALSE(Await(device_->AllocateSlow(proto::DTYPE_I32, 1, 0, 0)).ok());
  device_->Close();
  const std::lock_guard lock(events_->mutex);
  EXPECT_TRUE(events_->exits.empty());
}

TEST_F(DeviceTest, ViewsAndBuffersOutliveTheirDevice) {
  BufferRef data = NewInts(10);
  Fill(data, 3);
  absl::StatusOr<BufferView> view = device_->View(data, 0, 40);
  device_.reset();
  data.reset();
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(reinterpret_cast<const std::int32_t*>(view->bytes.data())[9], 3);
}

TEST_F(DeviceTest, LogsItsAllocations) {
  const std::string path = ::testing::TempDir() + "/allocations.log";
  ASSERT_TRUE(device_->SetAllocationLog(path).ok());
  NewInts(100);
  ASSERT_TRUE(device_->SetAllocationLog("").ok());
  EXPECT_FALSE(device_->SetAllocationLog("/nonexistent/log").ok());
}

}  // namespace
}  // namespace amdgpu::testing
