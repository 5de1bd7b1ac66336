// The vendor driver in this process: what it adds to the vendor's calls.

#include <sys/mman.h>

#include <atomic>
#include <memory>

#include "bench/vendor/measure.h"
#include "c_src/base/spin.h"
#include "gpu/vendor/tables.h"
#include "gpu/vendor/vendor_driver.h"

namespace amdgpu::bench {
namespace {

class LastTicket final : public gpu::CompletionSink {
 public:
  void OnStart(gpu::Ticket, std::uint64_t) override {}
  void OnComplete(const gpu::Completion& completion) override {
    if (completion.status != absl::StatusCode::kOk) {
      Check(absl::Status(completion.status, "work on the device failed"));
    }
    last_.store(completion.ticket, std::memory_order_release);
  }
  void OnPrint(gpu::Ticket, absl::string_view) override {}
  void Await(gpu::Ticket ticket) const {
    while (last_.load(std::memory_order_acquire) < ticket) CpuRelax();
  }

 private:
  std::atomic<gpu::Ticket> last_{0};
};

}  // namespace

Values MeasureDriver(const Job& job) {
  const auto api = vendor::LoadVendorApi(job.kind, job.libraries);
  Check(api.status());
  LastTicket sink;
  void* const pinned = mmap(nullptr, kPinnedBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  const auto made = vendor::VendorDriver::Create(
      {.api = *api, .index = 0, .staging = pinned, .staging_bytes = kPinnedBytes}, sink);
  Check(made.status());
  vendor::VendorDriver& driver = **made;
  const absl::StatusOr<gpu::Module> module =
      driver.Load({reinterpret_cast<const std::byte*>(job.code.data()), job.code.size()}, 0);
  Check(module.status());
  gpu::LaunchParams launch;
  for (const gpu::Function& function : module->functions) {
    if (function.info.name() == "empty") launch.function = function.handle;
  }
  gpu::Ticket ticket = 0;
  Values values;
  values["launch.awaited us"] = Best([&] {
                                  for (int i = 0; i < kAwaited; ++i) {
                                    Check(driver.Launch(0, ++ticket, launch));
                                    sink.Await(ticket);
                                  }
                                }) /
                                kAwaited * 1e6;
  values["launch.pipelined us"] = Best([&] {
                                    for (int i = 0; i < kPipelined; ++i) {
                                      Check(driver.Launch(0, ++ticket, launch));
                                    }
                                    sink.Await(ticket);
                                  }) /
                                  kPipelined * 1e6;
  const absl::StatusOr<gpu::DeviceAddress> memory = driver.Reserve(kPinnedBytes, 0);
  Check(memory.status());
  const double gigabytes = static_cast<double>(kPinnedBytes) * kCopies * 1e-9;
  values["copy.in GB/s"] = gigabytes / Best([&] {
                             for (int i = 0; i < kCopies; ++i) {
                               Check(driver.CopyIn(0, ++ticket, *memory, pinned, kPinnedBytes));
                             }
                             sink.Await(ticket);
                           });
  values["copy.out GB/s"] = gigabytes / Best([&] {
                              for (int i = 0; i < kCopies; ++i) {
                                Check(driver.CopyOut(0, ++ticket, pinned, *memory, kPinnedBytes));
                              }
                              sink.Await(ticket);
                            });
  return values;
}

}  // namespace amdgpu::bench
