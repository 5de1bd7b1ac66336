// A mutex for sections of tens of nanoseconds: one word, spins briefly, then sleeps.

#ifndef AMDGPU_C_SRC_MEMORY_ADAPTIVE_MUTEX_H_
#define AMDGPU_C_SRC_MEMORY_ADAPTIVE_MUTEX_H_

#include <atomic>

#include "absl/base/thread_annotations.h"

namespace amdgpu {

// Not recursive, not fair. Meets BasicLockable.
class ABSL_LOCKABLE AdaptiveMutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    int free = kFree;
    if (!state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      LockSlow();
    }
  }

  void unlock() ABSL_UNLOCK_FUNCTION() {
    if (state_.exchange(kFree, std::memory_order_release) == kContended) state_.notify_one();
  }

 private:
  enum State : int { kFree = 0, kHeld = 1, kContended = 2 };

  void LockSlow();

  std::atomic<int> state_{kFree};
};

class ABSL_SCOPED_LOCKABLE AdaptiveLock {
 public:
  explicit AdaptiveLock(AdaptiveMutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(*mutex) {
    mutex_.lock();
  }
  ~AdaptiveLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  AdaptiveLock(const AdaptiveLock&) = delete;
  AdaptiveLock& operator=(const AdaptiveLock&) = delete;

 private:
  AdaptiveMutex& mutex_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_ADAPTIVE_MUTEX_H_
