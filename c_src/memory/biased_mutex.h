// A mutex that its most frequent user takes without an atomic operation.

#ifndef AMDGPU_C_SRC_MEMORY_BIASED_MUTEX_H_
#define AMDGPU_C_SRC_MEMORY_BIASED_MUTEX_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "c_src/memory/adaptive_mutex.h"

namespace amdgpu {

// An AdaptiveMutex that leans towards a thread which has taken it many times in a row: that thread
// then says "I am inside" with a plain store, a fifth of what an atomic exchange costs. Another one
// that comes along ends the lean, which takes microseconds (membarrier, Linux 4.14), and all is as
// before until some thread is by itself for long again. Without membarrier it never leans.
//
// Not recursive, not fair.
class ABSL_LOCKABLE BiasedMutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Seat* const seat = favoured_.load(std::memory_order_relaxed);
    if (seat != nullptr && seat->thread.load(std::memory_order_relaxed) == ThisThread()) {
      seat->inside.store(true, std::memory_order_relaxed);
      // Who takes the favour away makes this processor do the store before the load: see Disfavour.
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (favoured_.load(std::memory_order_acquire) == seat) {
        taken_by_ = seat;
        return;
      }
      seat->inside.store(false, std::memory_order_release);
    }
    LockShared();
  }
  void unlock() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (Seat* const seat = taken_by_; seat != nullptr) {
      seat->inside.store(false, std::memory_order_release);
    } else {
      shared_.unlock();
    }
  }

 private:
  // Of a thread that was favoured once. It stays that thread's: one that was interrupted on its way
  // in may write `inside` at any later time.
  struct alignas(64) Seat {
    std::atomic<std::uintptr_t> thread{0};
    std::atomic<bool> inside{false};
  };
  // Threads that may be favoured, in the life of the mutex.
  static constexpr int kSeats = 16;

  // Different for any two threads that live.
  static std::uintptr_t ThisThread() {
    return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
  }

  void LockShared();
  void Disfavour(Seat& seat);
  void MaybeFavour();

  // Written by who holds shared_; the favoured thread holds it by its seat alone.
  std::atomic<Seat*> favoured_{nullptr};
  Seat* taken_by_ = nullptr;  // by whom it is held now; nullptr = through shared_
  AdaptiveMutex shared_;

  // Guarded by shared_.
  std::uintptr_t last_ = 0;  // who took it through shared_ last, and how many times in a row
  std::uint32_t in_a_row_ = 0;
  std::array<Seat, kSeats> seats_;
};

class ABSL_SCOPED_LOCKABLE BiasedLock {
 public:
  explicit BiasedLock(BiasedMutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(*mutex) {
    mutex_.lock();
  }
  ~BiasedLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  BiasedLock(const BiasedLock&) = delete;
  BiasedLock& operator=(const BiasedLock&) = delete;

 private:
  BiasedMutex& mutex_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_BIASED_MUTEX_H_
