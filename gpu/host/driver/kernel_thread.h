// Threads that kernels may run on: a large stack with a guard below it, an alternate stack for
// signal handlers, and the buffers that a block needs.

#ifndef AMDGPU_GPU_HOST_DRIVER_KERNEL_THREAD_H_
#define AMDGPU_GPU_HOST_DRIVER_KERNEL_THREAD_H_

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace amdgpu::host {

// What a kernel thread has; constant while the thread lives.
struct KernelThreadResources {
  // [guard_begin, guard_end): what the stack runs into when it overflows.
  std::uint64_t guard_begin = 0;
  std::uint64_t guard_end = 0;
  std::byte* dynamic_shared = nullptr;  // kMaxSharedBytes
  std::byte* exchange = nullptr;        // kExchangeBytes
};

// Most shared memory a block may have, static and dynamic together.
inline constexpr std::size_t kMaxSharedBytes = 64 * 1024;

class KernelThread {
 public:
  // Runs `body` on a new thread, named `name` (at most 15 characters) for a person who looks.
  static absl::StatusOr<std::unique_ptr<KernelThread>> Start(const std::string& name,
                                                             std::function<void()> body);
  // Waits for the body to return.
  ~KernelThread();

  KernelThread(const KernelThread&) = delete;
  KernelThread& operator=(const KernelThread&) = delete;

  // The calling thread's resources, or null if it is not a kernel thread. Async-signal-safe.
  static const KernelThreadResources* Current();

 private:
  explicit KernelThread(std::function<void()> body) : body_(std::move(body)) {}

  absl::Status MapMemory();
  void Main();
  static void* Entry(void* self);

  std::function<void()> body_;
  std::byte* memory_ = nullptr;
  KernelThreadResources resources_;
  pthread_t thread_ = {};
  bool started_ = false;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_KERNEL_THREAD_H_
