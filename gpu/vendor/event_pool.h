// The vendor's events, made once and used again and again.

#ifndef AMDGPU_GPU_VENDOR_EVENT_POOL_H_
#define AMDGPU_GPU_VENDOR_EVENT_POOL_H_

#include <vector>

#include "absl/base/thread_annotations.h"
#include "c_src/base/mutex.h"
#include "gpu/vendor/device_context.h"

namespace amdgpu::vendor {

// Thread-safe. `context` outlives it; every event must have come back when it is destroyed.
class EventPool {
 public:
  // `flags`: kEventBlockingSync, kEventDisableTiming.
  EventPool(const DeviceContext& context, unsigned flags) : context_(context), flags_(flags) {}
  ~EventPool() {
    for (const Event event : free_) context_.api().EventDestroy(event);
  }
  EventPool(const EventPool&) = delete;
  EventPool& operator=(const EventPool&) = delete;

  // The calling thread has made the context current.
  Result Take(Event* event) {
    {
      MutexLock lock(&mutex_);
      if (!free_.empty()) {
        *event = free_.back();
        free_.pop_back();
        return 0;
      }
    }
    return context_.api().EventCreate(event, flags_);
  }

  void Give(Event event) {
    MutexLock lock(&mutex_);
    free_.push_back(event);
  }

 private:
  const DeviceContext& context_;
  const unsigned flags_;
  Mutex mutex_;
  std::vector<Event> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_EVENT_POOL_H_
