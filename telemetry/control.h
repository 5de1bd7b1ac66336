// What the client tells a worker's sampler, and how that wakes the client: a few words in their
// segment.

#ifndef AMDGPU_TELEMETRY_CONTROL_H_
#define AMDGPU_TELEMETRY_CONTROL_H_

#include <atomic>
#include <cstdint>

namespace amdgpu::telemetry {

// Zero bytes: telemetry is off.
struct SamplerControl {
  // Client: time between two ticks; 0 = nothing is sampled and nothing recorded.
  std::atomic<std::uint64_t> period_ns;
  // Client: bumped, and its sleepers woken, when the period has changed.
  std::atomic<std::uint32_t> changed;
  // Worker: bumped when a tick's records are in the ring, and when a quarter of the ring has been
  // written since. Sleepers are woken in the second case, in the first if `client_waits`.
  std::atomic<std::uint32_t> bell;
  // Client: 1 while it is late for want of a tick. It knows when ticks are due and wakes by itself;
  // to wake a thread of another processor costs more than the tick.
  std::atomic<std::uint32_t> client_waits;
  // Worker: when the last tick in the ring was due.
  std::atomic<std::uint64_t> sampled_due_ns;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_CONTROL_H_
