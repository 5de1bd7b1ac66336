#include "c_src/memory/adaptive_mutex.h"

#include <sched.h>
#include <time.h>

namespace amdgpu {
namespace {

// Rounds of waiting: a few pauses of the core each at first, then a turn for another thread (the
// holder, if it was interrupted), then short sleeps (for reports, which hold locks for long).
constexpr int kSpins = 32;
constexpr int kYields = 64;
constexpr timespec kSleep = {.tv_sec = 0, .tv_nsec = 20'000};

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void WaitAWhile(int round) {
  if (round < kSpins) {
    Pause();
  } else if (round < kSpins + kYields) {
    sched_yield();
  } else {
    nanosleep(&kSleep, nullptr);
  }
}

}  // namespace

void AdaptiveMutex::LockSlow() {
  int round = 0;
  while (true) {
    if (!held_.load(std::memory_order_relaxed) &&
        !held_.exchange(true, std::memory_order_acquire)) {
      return;
    }
    WaitAWhile(round);
    if (round < kSpins + kYields) ++round;
  }
}

}  // namespace amdgpu
