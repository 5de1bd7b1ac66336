// The host driver in process, without a worker around it: the cost of a launch that runs on the
// caller's thread, of one that is handed to the pool, and of copies beside memcpy.

#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gpu/host/driver/host_driver.h"
#include "gpu/host/driver/kernel_thread.h"
#include "tests/gpu/host/driver/hand_made.h"

namespace amdgpu::host {
namespace {

constexpr std::uint64_t kArenaBytes = std::uint64_t{512} << 20;

class CountingSink : public gpu::CompletionSink {
 public:
  void OnStart(gpu::Ticket, std::uint64_t) override {}
  void OnComplete(const gpu::Completion& completion) override {
    last_.store(completion.ticket, std::memory_order_release);
  }
  void OnPrint(gpu::Ticket, absl::string_view) override {}
  gpu::Ticket last() const { return last_.load(std::memory_order_acquire); }

 private:
  std::atomic<gpu::Ticket> last_{0};
};

struct Bench {
  CountingSink sink;
  int arena_fd = memfd_create("bench arena", MFD_CLOEXEC);
  std::unique_ptr<HostDriver> driver;
  gpu::DeviceAddress memory = 0;
  gpu::FunctionHandle empty = 0;
  gpu::FunctionHandle add = 0;
  gpu::Ticket ticket = 0;

  Bench() {
    if (ftruncate(arena_fd, kArenaBytes) != 0) std::abort();
    driver = *HostDriver::Create({.arena_fd = arena_fd, .arena_bytes = kArenaBytes}, sink);
    memory = *driver->Reserve(kArenaBytes, 0);
    std::memset(reinterpret_cast<void*>(memory), 1, kArenaBytes);
    const std::string object = ContractKernels().SerializeAsString();
    const gpu::Module module =
        *driver->Load({reinterpret_cast<const std::byte*>(object.data()), object.size()}, 0);
    for (const gpu::Function& function : module.functions) {
      if (function.info.name() == "empty") empty = function.handle;
      if (function.info.name() == "add") add = function.handle;
    }
  }
};

Bench& TheBench() {
  static Bench* const bench = new Bench;
  return *bench;
}

void LaunchEmpty(Bench& bench) {
  (void)bench.driver->Launch(
      0, ++bench.ticket,
      {.function = bench.empty, .grid = {1}, .block = {1}, .dynamic_shared_bytes = 0, .args = {}});
}

// On a kernel thread: completes within the call.
void BM_EmptyLaunch(benchmark::State& state) {
  Bench& bench = TheBench();
  const auto thread = KernelThread::Start("bench", [&] {
    LaunchEmpty(bench);
    (void)bench.driver->Synchronize(0);
    for (auto _ : state) LaunchEmpty(bench);
  });
}
BENCHMARK(BM_EmptyLaunch);

// From another thread: through the pool, one at a time.
void BM_EmptyLaunchHandedOver(benchmark::State& state) {
  Bench& bench = TheBench();
  for (auto _ : state) {
    LaunchEmpty(bench);
    while (bench.sink.last() != bench.ticket) __builtin_ia32_pause();
  }
}
BENCHMARK(BM_EmptyLaunchHandedOver)->UseRealTime();

// From another thread, as fast as they go.
void BM_EmptyLaunchesPipelined(benchmark::State& state) {
  Bench& bench = TheBench();
  constexpr int kBatch = 1000;
  for (auto _ : state) {
    for (int i = 0; i < kBatch; ++i) LaunchEmpty(bench);
    (void)bench.driver->Synchronize(0);
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(BM_EmptyLaunchesPipelined)->UseRealTime();

void BM_Copy(benchmark::State& state) {
  Bench& bench = TheBench();
  const auto bytes = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    (void)bench.driver->Copy(0, ++bench.ticket, bench.memory + kArenaBytes / 2, bench.memory,
                             bytes);
    (void)bench.driver->Synchronize(0);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Copy)->Arg(4 << 10)->Arg(256 << 10)->Arg(64 << 20)->Arg(256 << 20)->UseRealTime();

void BM_Memcpy(benchmark::State& state) {
  Bench& bench = TheBench();
  for (auto _ : state) {
    std::memcpy(reinterpret_cast<void*>(bench.memory + kArenaBytes / 2),
                reinterpret_cast<const void*>(bench.memory),
                static_cast<std::size_t>(state.range(0)));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Memcpy)->Arg(4 << 10)->Arg(256 << 10)->Arg(64 << 20)->Arg(256 << 20)->UseRealTime();

void BM_Fill(benchmark::State& state) {
  Bench& bench = TheBench();
  const auto bytes = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    (void)bench.driver->Fill(0, ++bench.ticket, bench.memory, 0x12345678, 4, bytes);
    (void)bench.driver->Synchronize(0);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Fill)->Arg(64 << 20)->UseRealTime();

}  // namespace
}  // namespace amdgpu::host

BENCHMARK_MAIN();
