#include "c_src/base/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace amdgpu {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

bool FutexWait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
               std::optional<std::uint64_t> deadline_ns) {
  timespec deadline{};
  if (deadline_ns.has_value()) {
    deadline.tv_sec = static_cast<time_t>(*deadline_ns / 1'000'000'000u);
    deadline.tv_nsec = static_cast<long>(*deadline_ns % 1'000'000'000u);
  }
  // FUTEX_WAIT_BITSET takes an absolute time on CLOCK_MONOTONIC.
  const long result =
      syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected,
              deadline_ns.has_value() ? &deadline : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

void FutexWake(std::atomic<std::uint32_t>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace amdgpu
