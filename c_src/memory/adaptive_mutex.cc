#include "c_src/memory/adaptive_mutex.h"

#include <sched.h>
#include <time.h>

#include <algorithm>

namespace amdgpu {
namespace {

// A waiter looks again after 64, 128, ... pauses of the core (some 60 ns each): every look takes
// the cache line from the holder, who may well go on for many sections meanwhile, its data in its
// own cache. Then it lets another thread run (the holder, if it was interrupted), then it sleeps a
// little at a time (for reports, which hold locks for long).
constexpr int kFirstPause = 64;
constexpr int kLongestPause = 512;
constexpr int kSpins = 6;
constexpr int kYields = 16;
constexpr timespec kSleep = {.tv_sec = 0, .tv_nsec = 20'000};

void Pause(int times) {
  for (int i = 0; i < times; ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
}

}  // namespace

void Backoff::Wait() {
  if (round_ >= kSpins + kYields) {
    nanosleep(&kSleep, nullptr);
    return;
  }
  if (round_ >= kSpins) sched_yield();
  Pause(std::min(kFirstPause << std::min(round_, 16), kLongestPause));
  ++round_;
}

void AdaptiveMutex::LockSlow() {
  Backoff backoff;
  do {
    backoff.Wait();
  } while (held_.load(std::memory_order_relaxed) ||
           held_.exchange(true, std::memory_order_acquire));
}

}  // namespace amdgpu
