#include "c_src/memory/adaptive_mutex.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstdint>

#include "c_src/base/clock.h"
#include "c_src/base/spin.h"

namespace amdgpu {
namespace {

// A waiter looks again after 100 ns, by when a holder that came for one section has gone, and then
// four times as late each time: every look takes the cache line from a holder who goes on for many
// sections, its data in its own cache. By the clock, because a pause takes 10 to 60 ns, as the
// processor likes. Then it lets another thread run (the holder, if it was interrupted), then it
// sleeps a little at a time (for reports, which hold locks for long).
constexpr std::uint64_t kFirstWaitNs = 100;
constexpr std::uint64_t kLongestWaitNs = 25'600;
constexpr int kSpins = 6;
constexpr int kYields = 16;
constexpr timespec kSleep = {.tv_sec = 0, .tv_nsec = 20'000};

void SpinFor(std::uint64_t ns) {
  const std::uint64_t end = NowNs() + ns;
  do {
    CpuRelax();
  } while (NowNs() < end);
}

}  // namespace

void Backoff::Wait() {
  if (round_ >= kSpins + kYields) {
    nanosleep(&kSleep, nullptr);
    return;
  }
  if (round_ >= kSpins) sched_yield();
  SpinFor(std::min(kFirstWaitNs << (2 * std::min(round_, kSpins)), kLongestWaitNs));
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
