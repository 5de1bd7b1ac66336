// Which launches are under way, for who has to name one when the device or the process fails.
//
// The vendors do not say which launch failed, and tell of the failure at whatever is asked next:
// one can be named only if it is the only one, or if all of them are of one kernel.

#ifndef AMDGPU_GPU_VENDOR_RUNNING_LAUNCHES_H_
#define AMDGPU_GPU_VENDOR_RUNNING_LAUNCHES_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "gpu/driver.h"

namespace amdgpu::vendor {

// Thread-safe; reading is async-signal-safe.
class RunningLaunches {
 public:
  struct Launch {
    gpu::Ticket ticket = 0;
    gpu::FunctionHandle function = 0;
  };
  // Of one stream: the oldest launch that has not ended, and the kernel of all of them. ticket 0:
  // there is none; function 0: they are of several kernels.
  struct Slot {
    std::atomic<bool> taken{false};
    std::atomic<gpu::Ticket> ticket{0};
    std::atomic<gpu::FunctionHandle> function{0};

    void Set(const Launch& launch) {
      function.store(launch.function, std::memory_order_relaxed);
      ticket.store(launch.ticket, std::memory_order_release);
    }
  };

  // Null if there are too many streams: that one will not be named.
  Slot* Take() {
    for (Slot& slot : slots_) {
      if (!slot.taken.exchange(true)) return &slot;
    }
    return nullptr;
  }
  static void Give(Slot* slot) {
    if (slot == nullptr) return;
    slot->Set({});
    slot->taken.store(false);
  }

  // The oldest launch under way, if all are of one stream and one kernel.
  bool Only(Launch* launch) const {
    int found = 0;
    for (const Slot& slot : slots_) {
      const gpu::Ticket ticket = slot.ticket.load(std::memory_order_acquire);
      if (ticket == 0) continue;
      ++found;
      *launch = {ticket, slot.function.load(std::memory_order_relaxed)};
    }
    return found == 1 && launch->function != 0;
  }

 private:
  std::array<Slot, 1024> slots_;
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_RUNNING_LAUNCHES_H_
