// A device in a worker process, from C++: rings, copies through pinned staging, a new worker after
// a fault.

#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "bench/vendor/measure.h"
#include "c_src/runtime/device.h"

namespace amdgpu::bench {
namespace {

absl::Status Await(const JobRef& job) {
  constexpr std::uint64_t kSpinNs = 20'000;
  if (!job->Poll(kSpinNs)) {
    auto done = std::make_shared<std::promise<void>>();
    if (job->Subscribe([done] { done->set_value(); }) != 0) done->get_future().wait();
  }
  return job->status();
}

// The ring is full now and then; there is room again in no time.
JobRef Launch(const DeviceRef& device, const KernelRef& kernel) {
  while (true) {
    absl::StatusOr<JobRef> job = device->Launch(kernel, {}, {});
    if (job.ok()) return *std::move(job);
    if (!absl::IsUnavailable(job.status())) Check(job.status());
  }
}

BufferRef Allocate(const DeviceRef& device, std::uint64_t bytes) {
  absl::StatusOr<BufferRef> buffer = device->Allocate(proto::DTYPE_U8, bytes, 0, 0);
  if (buffer.ok()) return *std::move(buffer);
  const JobRef job = device->AllocateSlow(proto::DTYPE_U8, bytes, 0, 0);
  Check(Await(job));
  return job->buffer();
}

}  // namespace

Values MeasureWorker(const Job& job) {
  DeviceOptions options;
  options.kind = job.kind;
  options.worker_path = job.worker;
  const absl::StatusOr<DeviceRef> opened = Device::Open(options, nullptr, {});
  Check(opened.status());
  const DeviceRef& device = *opened;
  const auto code = std::make_shared<CodeObject>(CodeObject{"empty", job.code, {}});
  const JobRef load = device->LoadKernel(code, {}, "empty", "aura");
  Check(Await(load));
  const KernelRef kernel = load->kernel();
  Values values;
  values["launch.awaited us"] = Best([&] {
                                  for (int i = 0; i < kAwaited; ++i) {
                                    Check(Await(Launch(device, kernel)));
                                  }
                                }) /
                                kAwaited * 1e6;
  values["launch.pipelined us"] = Best([&] {
                                    JobRef last;
                                    for (int i = 0; i < kPipelined; ++i) {
                                      last = Launch(device, kernel);
                                    }
                                    Check(Await(last));
                                  }) /
                                  kPipelined * 1e6;

  const BufferRef a = Allocate(device, job.copy_bytes);
  const BufferRef b = Allocate(device, job.copy_bytes);
  const double gigabytes = static_cast<double>(job.copy_bytes) * kCopies * 1e-9;
  values["copy.within GB/s"] = 2 * gigabytes / Best([&] {
                                 JobRef last;
                                 for (int i = 0; i < kCopies; ++i) {
                                   absl::StatusOr<JobRef> copy =
                                       device->Copy(b, 0, a, 0, job.copy_bytes, 0);
                                   Check(copy.status());
                                   last = *std::move(copy);
                                 }
                                 Check(Await(last));
                               });
  const auto bytes = std::make_shared<std::vector<std::byte>>(job.copy_bytes);
  values["copy.in GB/s"] = gigabytes / Best([&] {
                             for (int i = 0; i < kCopies; ++i) {
                               const absl::StatusOr<JobRef> up =
                                   device->Upload(a, 0, *bytes, bytes);
                               Check(up.status());
                               Check(Await(*up));
                             }
                           });
  values["copy.out GB/s"] = gigabytes / Best([&] {
                              for (int i = 0; i < kCopies; ++i) {
                                const absl::StatusOr<JobRef> down =
                                    device->Download(a, 0, job.copy_bytes);
                                Check(down.status());
                                Check(Await(*down));
                              }
                            });
  device->Close();
  return values;
}

}  // namespace amdgpu::bench
