// What a launch costs in the core, without Elixir and without a kernel: a real worker process over
// the tests' fake driver, whose empty kernel runs inside of the driver's call.
//
//   launch_bench        all figures, in nanoseconds or a second

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "c_src/base/clock.h"
#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu {
namespace {

constexpr int kWarmUp = 2'000;
constexpr int kRounds = 20'000;

void Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

JobRef Launch(const DeviceRef& device, const KernelRef& kernel,
              const std::vector<Argument>& arguments) {
  while (true) {
    absl::StatusOr<JobRef> job = device->Launch(kernel, {}, arguments);
    if (job.ok()) return *std::move(job);
    if (!absl::IsUnavailable(job.status())) Fail(job.status());
    device->WhenReady()->Poll(1'000'000);
  }
}

// As the NIF does: looks for a moment, then waits for a callback.
void Await(const JobRef& job, std::uint64_t spin_ns) {
  if (job->Poll(spin_ns)) return;
  absl::Notification done;
  if (job->Subscribe([&done] { done.Notify(); }) != 0) done.WaitForNotification();
}

void Report(const char* what, std::vector<std::uint64_t> samples) {
  std::sort(samples.begin(), samples.end());
  std::printf("%-46s p50 %8.2f us   p99 %8.2f us\n", what,
              static_cast<double>(samples[samples.size() / 2]) / 1e3,
              static_cast<double>(samples[samples.size() * 99 / 100]) / 1e3);
}

void Run() {
  auto compiler = std::make_shared<testing::FakeCompileService>();
  DeviceOptions options;
  options.worker_path = AMDGPU_FAKE_WORKER;
  absl::StatusOr<DeviceRef> opened = Device::Open(options, compiler, {});
  if (!opened.ok()) Fail(opened.status());
  const DeviceRef device = *opened;
  const auto kernel_named = [&](const char* name) {
    proto::CompileRequest request;
    request.set_source("source");
    const JobRef compile = device->Compile(request, name, "aura", /*owner=*/0);
    Await(compile, 0);
    if (!compile->status().ok()) Fail(compile->status());
    return compile->kernel();
  };
  const KernelRef empty = kernel_named("empty");
  const KernelRef two = kernel_named("copy_ints");
  const JobRef slow = device->AllocateSlow(proto::DTYPE_I32, 64, 0, 0);
  Await(slow, 0);
  const std::vector<Argument> arguments = {slow->buffer(), slow->buffer(), std::int64_t{1}};

  std::vector<std::uint64_t> samples;
  for (int i = 0; i < kWarmUp; ++i) Await(Launch(device, empty, {}), 50'000);

  for (int i = 0; i < kRounds; ++i) {
    const std::uint64_t start = NowNs();
    const JobRef job = Launch(device, two, arguments);
    samples.push_back(NowNs() - start);
    Await(job, 50'000);
  }
  Report("launch call alone, 3 arguments", std::exchange(samples, {}));

  for (int i = 0; i < kRounds; ++i) {
    const std::uint64_t start = NowNs();
    Await(Launch(device, empty, {}), 50'000);
    samples.push_back(NowNs() - start);
  }
  Report("launch to done, hot", std::exchange(samples, {}));

  for (int i = 0; i < 500; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::uint64_t start = NowNs();
    Await(Launch(device, empty, {}), 50'000);
    samples.push_back(NowNs() - start);
  }
  Report("launch to done, from idle, polling", std::exchange(samples, {}));

  for (int i = 0; i < 500; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::uint64_t start = NowNs();
    Await(Launch(device, empty, {}), 0);
    samples.push_back(NowNs() - start);
  }
  Report("launch to done, from idle, by callback", std::exchange(samples, {}));

  constexpr int kPipelined = 300'000;
  const std::uint64_t start = NowNs();
  JobRef last;
  for (int i = 0; i < kPipelined; ++i) last = Launch(device, empty, {});
  Await(last, 50'000);
  std::printf("%-46s %.0f a second\n", "empty kernels pipelined",
              kPipelined / (static_cast<double>(NowNs() - start) / 1e9));

  // Into a buffer, against the same bytes in plain memory.
  constexpr std::uint64_t kBytes = std::uint64_t{64} << 20;
  std::vector<std::byte> source(kBytes, std::byte{1});
  std::vector<std::byte> target(kBytes, std::byte{2});
  const JobRef allocation = device->AllocateSlow(proto::DTYPE_U8, kBytes, 0, 0);
  Await(allocation, 0);
  if (!allocation->status().ok()) Fail(allocation->status());
  std::vector<std::uint64_t> plain;
  for (int i = 0; i < 9; ++i) {
    std::uint64_t before = NowNs();
    if (!device->Write(allocation->buffer(), 0, source).ok()) std::exit(1);
    samples.push_back(NowNs() - before);
    before = NowNs();
    std::memcpy(target.data(), source.data(), kBytes);
    plain.push_back(NowNs() - before);
  }
  const std::uint64_t first = samples[0];
  std::sort(samples.begin(), samples.end());
  std::sort(plain.begin(), plain.end());
  std::printf("%-46s %.2f x memcpy (first: %.2f)\n", "write of 64 MiB",
              static_cast<double>(plain[4]) / static_cast<double>(samples[4]),
              static_cast<double>(plain[4]) / static_cast<double>(first));
  samples.clear();
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t before = NowNs();
    if (!device->View(allocation->buffer(), 0, kBytes).ok()) std::exit(1);
    samples.push_back(NowNs() - before);
  }
  Report("view of 64 MiB", samples);
  device->Close();
}

}  // namespace
}  // namespace amdgpu

int main() { amdgpu::Run(); }
