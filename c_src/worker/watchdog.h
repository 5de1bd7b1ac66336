// The thread that ends the worker when a launch runs longer than it may, and that gives the
// executor another thread when its own is stuck inside a kernel.
//
// It sleeps in a timer that is armed only while there is something to look at: no wakeups when
// idle, and no system call per launch while busy.

#ifndef AMDGPU_C_SRC_WORKER_WATCHDOG_H_
#define AMDGPU_C_SRC_WORKER_WATCHDOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "c_src/base/unique_fd.h"
#include "gpu/driver.h"

namespace amdgpu::worker {

// Thread-safe. Lives as long as the process.
class Watchdog {
 public:
  // A launch that has run out of time.
  struct Expired {
    gpu::Ticket ticket = 0;
    gpu::FunctionHandle function = 0;
    std::uint64_t timeout_ns = 0;
  };
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  // `on_expired` does not return: it ends the process. `look` is called now and then while armed
  // and returns when it wants to be called next (kNever: when somebody calls LookAt).
  Watchdog(std::function<void(const Expired&)> on_expired,
           std::function<std::uint64_t(std::uint64_t now_ns)> look);

  // Makes the timer and the thread.
  absl::Status Start();

  // The launch may run for `timeout_ns` once it has begun.
  void Watch(gpu::Ticket ticket, gpu::FunctionHandle function, std::uint64_t timeout_ns);
  void OnStart(gpu::Ticket ticket, std::uint64_t started_ns);
  void OnEnd(gpu::Ticket ticket);

  // Looks again at `at_ns` (NowNs() clock) or earlier.
  void LookAt(std::uint64_t at_ns) {
    if (armed_for_.load(std::memory_order_seq_cst) > at_ns) Arm(at_ns);
  }

 private:
  struct Watched {
    Expired launch;
    std::uint64_t started_ns = 0;  // 0 = not yet
  };

  [[noreturn]] void Run();
  void Arm(std::uint64_t at_ns);
  // When the next launch expires.
  std::uint64_t CheckTimeouts(std::uint64_t now_ns);

  const std::function<void(const Expired&)> on_expired_;
  const std::function<std::uint64_t(std::uint64_t)> look_;
  UniqueFd timer_;
  std::atomic<std::uint64_t> armed_for_{kNever};
  std::mutex arm_mutex_;
  std::mutex mutex_;
  std::vector<Watched> watched_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_WATCHDOG_H_
