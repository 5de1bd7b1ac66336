#include "c_src/memory/biased_mutex.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace amdgpu {
namespace {

// As often in a row pays for the few microseconds that it takes to end the lean.
constexpr std::uint32_t kFavourAfter = 4096;

bool RegisterBarrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

// Makes every thread of this process that runs now pass a memory barrier.
void BarrierOfAllThreads() { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

}  // namespace

void BiasedMutex::LockShared() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  shared_.lock();
  if (Seat* const seat = favoured_.load(std::memory_order_relaxed); seat != nullptr) {
    Disfavour(*seat);
  }
  taken_by_ = nullptr;
  if (last_ != ThisThread()) {
    last_ = ThisThread();
    in_a_row_ = 0;
  } else if (++in_a_row_ == kFavourAfter) {
    MaybeFavour();
  }
}

// Either the favoured thread's store to `inside` came before the barrier, and is seen here, or its
// second look at favoured_ comes after it, and it finds itself out of favour.
void BiasedMutex::Disfavour(Seat& seat) {
  favoured_.store(nullptr, std::memory_order_relaxed);
  BarrierOfAllThreads();
  Backoff backoff;
  while (seat.inside.load(std::memory_order_acquire)) backoff.Wait();
}

// This thread holds it by shared_ still; the next time it takes it by its seat.
void BiasedMutex::MaybeFavour() {
  static const bool possible = RegisterBarrier();
  if (!possible) return;
  for (Seat& seat : seats_) {
    const std::uintptr_t owner = seat.thread.load(std::memory_order_relaxed);
    if (owner != 0 && owner != ThisThread()) continue;
    seat.thread.store(ThisThread(), std::memory_order_relaxed);
    favoured_.store(&seat, std::memory_order_release);
    return;
  }
}

}  // namespace amdgpu
