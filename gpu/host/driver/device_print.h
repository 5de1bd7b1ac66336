// What kernels print and how they end: printf, puts, putchar, assert and abort on the device.

#ifndef AMDGPU_GPU_HOST_DRIVER_DEVICE_PRINT_H_
#define AMDGPU_GPU_HOST_DRIVER_DEVICE_PRINT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "gpu/driver.h"

namespace amdgpu::host {

// What one launch prints, on all its threads. Each call is delivered whole and at once, so that the
// text before a fault is not lost; after kMaxBytes in all, calls are counted and dropped.
class PrintStream {
 public:
  static constexpr std::size_t kMaxBytes = 1 << 20;
  // A single call is cut to this.
  static constexpr std::size_t kMaxCallBytes = 4096;

  PrintStream(gpu::CompletionSink& sink, gpu::Ticket ticket) : sink_(sink), ticket_(ticket) {}

  void Write(absl::string_view text);
  // Says how much was dropped, if anything. Called once, after the last Write.
  void Finish();

 private:
  gpu::CompletionSink& sink_;
  const gpu::Ticket ticket_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

// Bound to `printf`, `puts`, `putchar`, `abort` and `__hd_assert_fail` of machine code. They belong
// to the launch that the calling thread is running.
extern "C" {
int AmdgpuDevicePrintf(const char* format, ...) __attribute__((format(printf, 1, 2)));
int AmdgpuDevicePuts(const char* text);
int AmdgpuDevicePutchar(int character);
[[noreturn]] void AmdgpuDeviceAbort();
[[noreturn]] void AmdgpuDeviceAssertFail(const char* expression, const char* file, int line,
                                         const char* function);
}

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_DEVICE_PRINT_H_
