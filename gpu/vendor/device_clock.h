// When an event happened, on the NowNs() clock.
//
// The device stamps an event with a clock of its own, and the vendor tells no more than the time
// between two events, as a float of milliseconds. So each event is measured from a base event, that
// is moved on before the float loses digits. Where the base is on our clock is learnt from the
// events themselves: an event is seen by the CPU at its time or later, never earlier, so the least
// of (seen - device time) is the best guess, about a microsecond too late. The guess creeps upwards
// slowly, faster than two clocks drift apart, and is pulled down by every event that was seen at
// once.

#ifndef AMDGPU_GPU_VENDOR_DEVICE_CLOCK_H_
#define AMDGPU_GPU_VENDOR_DEVICE_CLOCK_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "c_src/base/mutex.h"
#include "gpu/vendor/event_pool.h"

namespace amdgpu::vendor {

// Thread-safe. All outlive it.
class DeviceClock {
 public:
  DeviceClock(const DeviceContext& context, EventPool& events)
      : context_(context), events_(events) {}
  ~DeviceClock() {
    if (base_ != nullptr) events_.Give(base_);
  }
  DeviceClock(const DeviceClock&) = delete;
  DeviceClock& operator=(const DeviceClock&) = delete;

  // The first base: an event of `stream`, which has no other work. Waits for it.
  Result Start(Stream stream);

  // When `event`, which has happened and was seen at `seen_ns`, happened: never later than
  // `seen_ns`. `seen_ns` if the vendor cannot tell.
  std::uint64_t When(Event event, std::uint64_t seen_ns);

  // Gives an event that has happened back to the pool, or keeps it as the next base.
  void Retire(Event event, std::uint64_t seen_ns);

 private:
  // Device time of `event` in nanoseconds since the first base; false if it cannot be had.
  bool Measure(Event event, double* device_ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const DeviceContext& context_;
  EventPool& events_;
  Mutex mutex_;
  Event base_ ABSL_GUARDED_BY(mutex_) = nullptr;
  double base_ns_ ABSL_GUARDED_BY(mutex_) = 0;              // device time of base_
  std::uint64_t base_seen_ns_ ABSL_GUARDED_BY(mutex_) = 0;  // when base_ was seen, on our clock
  double offset_ns_ ABSL_GUARDED_BY(mutex_) = 0;            // our clock - device time
  std::uint64_t offset_at_ns_ ABSL_GUARDED_BY(mutex_) = 0;  // when it was looked at
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_DEVICE_CLOCK_H_
