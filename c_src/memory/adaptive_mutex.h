// A mutex for sections of tens of nanoseconds: one byte, one atomic exchange.

#ifndef AMDGPU_C_SRC_MEMORY_ADAPTIVE_MUTEX_H_
#define AMDGPU_C_SRC_MEMORY_ADAPTIVE_MUTEX_H_

#include <atomic>

#include "absl/base/thread_annotations.h"

namespace amdgpu {

// How to wait for what another thread does within tens of nanoseconds, as a rule.
class Backoff {
 public:
  // Each wait is longer than the one before, from a tenth of a microsecond of spinning to tens of
  // microseconds of sleep.
  void Wait();

 private:
  int round_ = 0;
};

// Waiters spin for some microseconds, then let others run, then sleep a little at a time: nobody
// wakes them, and so unlocking is a plain store. Not recursive, not fair.
class ABSL_LOCKABLE AdaptiveMutex {
 public:
  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() {
    if (held_.exchange(true, std::memory_order_acquire)) LockSlow();
  }
  void unlock() ABSL_UNLOCK_FUNCTION() { held_.store(false, std::memory_order_release); }

 private:
  void LockSlow();

  std::atomic<bool> held_{false};
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
