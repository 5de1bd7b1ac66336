// The first fault that the device reported, told to whoever listens.

#ifndef AMDGPU_GPU_VENDOR_FAULT_LOG_H_
#define AMDGPU_GPU_VENDOR_FAULT_LOG_H_

#include <atomic>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "c_src/base/mutex.h"
#include "gpu/driver.h"

namespace amdgpu::vendor {

// Thread-safe. `sink` outlives it.
class FaultLog {
 public:
  explicit FaultLog(gpu::CompletionSink& sink) : sink_(sink) {}

  // After the first sticky fault the others are its echo and are dropped.
  void Report(const gpu::Fault& fault) {
    {
      MutexLock lock(&mutex_);
      if (last_.has_value() && last_->sticky) return;
      last_ = fault;
      if (fault.sticky) sticky_.store(true, std::memory_order_release);
    }
    sink_.OnFault(fault);
  }

  bool sticky() const { return sticky_.load(std::memory_order_acquire); }

  std::optional<gpu::Fault> last() const {
    MutexLock lock(&mutex_);
    return last_;
  }

  // What a call is told after a sticky fault.
  absl::Status status() const {
    MutexLock lock(&mutex_);
    return absl::AbortedError(last_.has_value() ? last_->message : "");
  }

 private:
  gpu::CompletionSink& sink_;
  std::atomic<bool> sticky_{false};
  mutable Mutex mutex_;
  std::optional<gpu::Fault> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_FAULT_LOG_H_
