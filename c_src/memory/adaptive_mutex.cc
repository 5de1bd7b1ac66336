#include "c_src/memory/adaptive_mutex.h"

namespace amdgpu {
namespace {

// About a microsecond: longer than any section, shorter than a wake-up.
constexpr int kSpins = 64;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void AdaptiveMutex::LockSlow() {
  for (int spin = 0; spin < kSpins; ++spin) {
    Pause();
    int free = kFree;
    if (state_.load(std::memory_order_relaxed) == kFree &&
        state_.compare_exchange_weak(free, kHeld, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
      return;
    }
  }
  // From here on whoever unlocks must wake somebody, and so must we.
  while (state_.exchange(kContended, std::memory_order_acquire) != kFree) {
    state_.wait(kContended, std::memory_order_relaxed);
  }
}

}  // namespace amdgpu
