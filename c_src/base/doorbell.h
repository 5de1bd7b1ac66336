// How one side of a ring sleeps and the other wakes it, at the price of two loads while nobody
// sleeps.
//
// The consumer announces that it sleeps and looks once more; the producer publishes and then looks
// whether somebody sleeps. Both orders are sequentially consistent, so one of them sees the other.
// What the consumer waits for must therefore be published with memory_order_seq_cst and be read so
// by `ready`.

#ifndef AMDGPU_C_SRC_BASE_DOORBELL_H_
#define AMDGPU_C_SRC_BASE_DOORBELL_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "c_src/base/futex.h"

namespace amdgpu {

// A view of two words, in shared memory or not. One sleeper at a time.
class Doorbell {
 public:
  Doorbell(std::atomic<std::uint32_t>* bell, std::atomic<std::uint32_t>* sleeping)
      : bell_(*bell), sleeping_(*sleeping) {}

  // The consumer: sleeps until rung or the deadline, unless `ready`. May return early.
  template <typename Ready>
  void Sleep(Ready ready, std::optional<std::uint64_t> deadline_ns = std::nullopt) {
    const std::uint32_t rung = bell_.load(std::memory_order_seq_cst);
    sleeping_.store(1, std::memory_order_seq_cst);
    if (!ready()) FutexWait(bell_, rung, deadline_ns);
    sleeping_.store(0, std::memory_order_seq_cst);
  }

  // The producer, after publishing: wakes the consumer if it sleeps. One of several producers pays.
  void Ring() {
    if (sleeping_.load(std::memory_order_seq_cst) != 0 &&
        sleeping_.exchange(0, std::memory_order_seq_cst) != 0) {
      bell_.fetch_add(1, std::memory_order_seq_cst);
      FutexWake(bell_);
    }
  }

 private:
  std::atomic<std::uint32_t>& bell_;
  std::atomic<std::uint32_t>& sleeping_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_BASE_DOORBELL_H_
