// What telemetry costs a device: over a real worker process with the tests' fake driver, whose
// empty kernel runs inside of the driver's call.

#include <dirent.h>
#include <time.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "bench/telemetry/benches.h"
#include "c_src/base/clock.h"
#include "c_src/base/own_process.h"
#include "telemetry/attach.h"
#include "telemetry/hub.h"
#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::telemetry {
namespace {

void Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

void Await(const JobRef& job) {
  absl::Notification done;
  if (job->Subscribe([&done] { done.Notify(); }) != 0) done.WaitForNotification();
}

struct Bench {
  HubRef hub = Hub::Start({.rate_hz = 60, .publish = true});
  std::shared_ptr<amdgpu::testing::FakeCompileService> compiler =
      std::make_shared<amdgpu::testing::FakeCompileService>();
  DeviceRef device;

  Bench() {
    DeviceOptions options;
    options.worker_path = AMDGPU_FAKE_WORKER;
    options.telemetry = hub;
    absl::StatusOr<DeviceRef> opened = Device::Open(options, compiler, {});
    if (!opened.ok()) Fail(opened.status());
    device = *opened;
  }
  ~Bench() { device->Close(); }

  KernelRef Kernel(const char* name) {
    proto::CompileRequest request;
    request.set_source("source");
    const JobRef compile = device->Compile(request, name, "aura", /*owner=*/0);
    Await(compile);
    if (!compile->status().ok()) Fail(compile->status());
    return compile->kernel();
  }
};

// CPU nanoseconds of a process, all its threads, to the nanosecond (/proc/PID/schedstat counts one
// thread each).
std::uint64_t CpuNs(int pid) {
  std::uint64_t total = 0;
  const std::string tasks = absl::StrCat("/proc/", pid, "/task");
  DIR* const folder = opendir(tasks.c_str());
  if (folder == nullptr) return 0;
  while (const dirent* entry = readdir(folder)) {
    std::ifstream file(absl::StrCat(tasks, "/", entry->d_name, "/schedstat"));
    std::uint64_t ns = 0;
    if (file >> ns) total += ns;
  }
  closedir(folder);
  return total;
}

double LaunchesPerSecond(Bench& bench, const KernelRef& kernel, int count) {
  const std::uint64_t start = NowNs();
  JobRef last;
  for (int i = 0; i < count; ++i) {
    while (true) {
      absl::StatusOr<JobRef> job = bench.device->Launch(kernel, {}, {});
      if (job.ok()) {
        last = *std::move(job);
        break;
      }
      if (!absl::IsUnavailable(job.status())) Fail(job.status());
      bench.device->WhenReady()->Poll(1'000'000);
    }
  }
  Await(last);
  return count / (static_cast<double>(NowNs() - start) / 1e9);
}

// Per cent of a core that a thread takes which wakes 60 times a second and does nothing: what this
// machine asks for a sampler and for a hub before either has done a thing.
double WakingPercent() {
  constexpr std::chrono::nanoseconds kPeriod(1'000'000'000 / 60);
  constexpr int kTicks = 240;
  double percent = 0;
  std::thread waker([&] {
    KeepTime();
    const auto used_ns = [] {
      timespec used;
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
      return ToNs(used);
    };
    const std::uint64_t before = used_ns();
    auto next = std::chrono::steady_clock::now();
    for (int i = 0; i < kTicks; ++i) std::this_thread::sleep_until(next += kPeriod);
    percent = 100 * static_cast<double>(used_ns() - before) /
              static_cast<double>((kTicks * kPeriod).count());
  });
  waker.join();
  return percent;
}

}  // namespace

void BenchIdle() {
  std::printf("%-58s %5.2f %% of a core\n", "two threads that wake at 60 Hz and do nothing",
              2 * WakingPercent());
  Bench bench;
  const auto measure = [&](const char* what) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const int worker = bench.device->Stats().worker_pid;
    const std::uint64_t worker_before = CpuNs(worker);
    const std::uint64_t self_before = CpuNs(getpid());
    const std::uint64_t start = NowNs();
    std::this_thread::sleep_for(std::chrono::seconds(8));
    const auto ns = static_cast<double>(NowNs() - start);
    const double sampler = 100 * static_cast<double>(CpuNs(worker) - worker_before) / ns;
    const double hub = 100 * static_cast<double>(CpuNs(getpid()) - self_before) / ns;
    std::printf("%-58s %5.2f %% of a core (sampler %.2f, hub %.2f)\n", what, sampler + hub, sampler,
                hub);
  };
  measure("60 Hz, host source, no subscriber");
  std::uint64_t frames = 0;
  bench.hub->SetSink([&frames](absl::string_view) { ++frames; });
  measure("60 Hz, host source, a sink in the process");
  bench.hub->SetSink(nullptr);
  bench.hub->SetRate(0);
  measure("off");
}

void BenchLaunches() {
  Bench bench;
  const KernelRef empty = bench.Kernel("empty");
  constexpr int kCount = 20'000;
  constexpr int kTurns = 300;
  LaunchesPerSecond(bench, empty, kCount);
  // Turns that are short and many, so that both see the same machine: where its threads run makes
  // one turn half as fast as the next.
  double sum = 0;
  double squares = 0;
  double without = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    double rates[2];
    for (const bool on : {turn % 2 == 0, turn % 2 != 0}) {
      bench.hub->SetRate(on ? 60 : 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      rates[on ? 1 : 0] = LaunchesPerSecond(bench, empty, kCount);
    }
    const double longer = std::log(rates[0] / rates[1]);
    sum += longer;
    squares += longer * longer;
    without += rates[0];
  }
  const double mean = sum / kTurns;
  const double error = std::sqrt((squares / kTurns - mean * mean) / kTurns);
  std::printf("%-58s %.0f a second without, %+.1f %% with (+- %.1f)\n", "empty kernels pipelined",
              without / kTurns, 100 * std::expm1(mean), 100 * error);
}

}  // namespace amdgpu::telemetry
