// Waiting actively for a moment: how long pays off, and how to do it without starving anybody.

#ifndef AMDGPU_C_SRC_BASE_SPIN_H_
#define AMDGPU_C_SRC_BASE_SPIN_H_

#include <sched.h>

#include <algorithm>
#include <cstdint>

#include "c_src/base/clock.h"

namespace amdgpu {

inline void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Calls `ready` until it returns true or `spin_ns` have passed. Yields the core every few
// microseconds, so that a thread waiting for it (perhaps the very one that is waited for) gets on.
template <typename Ready>
bool SpinUntil(std::uint64_t spin_ns, Ready ready) {
  if (ready()) return true;
  if (spin_ns == 0) return false;
  constexpr std::uint64_t kYieldEveryNs = 4'000;
  constexpr int kLooksPerClock = 16;
  const std::uint64_t start = NowNs();
  std::uint64_t next_yield = start + kYieldEveryNs;
  while (true) {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (ready()) return true;
      CpuRelax();
    }
    const std::uint64_t now = NowNs();
    if (now - start >= spin_ns) return ready();
    if (now >= next_yield) {
      sched_yield();
      next_yield = now + kYieldEveryNs;
    }
  }
}

// How long to spin before sleeping: grows while spinning finds something, shrinks while it does
// not, so that a busy exchange never sleeps and an occasional one costs next to nothing. Not
// thread-safe.
class AdaptiveSpin {
 public:
  AdaptiveSpin(std::uint64_t least_ns, std::uint64_t most_ns)
      : least_ns_(least_ns), most_ns_(most_ns), budget_ns_(most_ns) {}

  std::uint64_t budget_ns() const { return budget_ns_; }

  // Spins within the budget and learns from the outcome.
  template <typename Ready>
  bool Until(Ready ready) {
    const bool found = SpinUntil(budget_ns_, ready);
    Learn(found);
    return found;
  }

  void Learn(bool found) {
    budget_ns_ = found ? std::min(most_ns_, budget_ns_ * 2) : std::max(least_ns_, budget_ns_ / 2);
  }

 private:
  const std::uint64_t least_ns_;
  const std::uint64_t most_ns_;
  std::uint64_t budget_ns_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_SPIN_H_
